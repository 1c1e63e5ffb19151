//! Plugins in shared libraries, which are called through three C functions.

use std::path::Path;
use std::sync::Arc;

use binoc_sdk::abi::{ABI_VERSION, CallFn, Contribution, Description, FreeFn, Request, Response, VersionFn};
use binoc_sdk::{
    Changeset, Comparator, ComparatorInfo, CompareRequest, Error, Outcome, Renderer, RendererInfo, Result,
};
use serde_json::Value;

/// The three functions of a plugin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Functions {
    pub(crate) version: VersionFn,
    pub(crate) call: CallFn,
    pub(crate) free: FreeFn,
}

/// A loaded plugin of the same ABI version.
pub(crate) struct Native {
    pub(crate) description: Description,
    pub(crate) comparators: Vec<Box<dyn Comparator>>,
    pub(crate) renderers: Vec<Box<dyn Renderer>>,
    /// Messages about contributions that this host cannot use.
    pub(crate) refusals: Vec<String>,
}

/// Open a library and look up its functions.
pub(crate) fn open(path: &Path) -> Result<Functions> {
    // The loader searches the library path for a bare name, so pass an absolute path.
    let path = std::path::absolute(path).map_err(|error| Error::io(path, error))?;
    // SAFETY: opening a library runs its initialisers; plugins are code that the user installed or named, and trusts.
    let library = unsafe { libloading::Library::new(&path) }
        .map_err(|error| Error::with_source(format!("cannot be opened: {}", cause(&error)), error))?;
    // Never unload the library: threads may still have to run its thread-local destructors.
    let library: &'static libloading::Library = Box::leak(Box::new(library));
    let missing = |name: &str| {
        Error::new(format!("not a plugin: no function `{name}`; build it with `binoc_sdk::export_plugin!`"))
    };
    // SAFETY: the names have these types in every ABI version.
    unsafe {
        Ok(Functions {
            version: *library.get(b"binoc_abi_version").map_err(|_| missing("binoc_abi_version"))?,
            call: *library.get(b"binoc_call").map_err(|_| missing("binoc_call"))?,
            free: *library.get(b"binoc_free").map_err(|_| missing("binoc_free"))?,
        })
    }
}

fn cause(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Check the ABI version of a plugin, then request its description.
pub(crate) fn load(functions: Functions) -> Result<Native> {
    // SAFETY: the function has no parameters and returns an integer.
    let version = unsafe { (functions.version)() };
    if version != ABI_VERSION {
        let advice = if version > ABI_VERSION { "upgrade `binoc`" } else { "upgrade the plugin" };
        return Err(Error::new(format!(
            "unsupported plugin ABI {version}, this `binoc` supports {ABI_VERSION}; {advice}"
        )));
    }
    let functions = Arc::new(functions);
    let description: Description = serde_json::from_value(send(&functions, &Request::Describe)?)?;
    let (mut comparators, mut renderers, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
    for (index, value) in description.contributions.iter().enumerate() {
        let functions = Arc::clone(&functions);
        match serde_json::from_value(value.clone()) {
            Ok(Contribution::Comparator(info)) => {
                comparators
                    .push(Box::new(NativeComparator { functions, index, info }) as Box<dyn Comparator>);
            }
            Ok(Contribution::Renderer(info)) => {
                renderers.push(Box::new(NativeRenderer { functions, index, info }) as Box<dyn Renderer>);
            }
            Ok(_) | Err(_) => refusals.push(refusal(index, value)),
        }
    }
    Ok(Native { description, comparators, renderers, refusals })
}

fn refusal(index: usize, value: &Value) -> String {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let name = text("name").map_or_else(|| format!("contribution {index}"), |name| format!("`{name}`"));
    match text("family") {
        Some("comparator" | "renderer") | None => {
            format!("{name}: invalid description; build the plugin with the `binoc-sdk` of this `binoc`")
        }
        Some(family) => {
            format!("{name}: unknown family `{family}`; upgrade `binoc`")
        }
    }
}

/// Send a request to a plugin and return the value of its response.
fn send(functions: &Functions, request: &Request) -> Result<Value> {
    let request = serde_json::to_vec(request)
        .map_err(|error| Error::with_source(format!("cannot encode the request: {error}"), error))?;
    // SAFETY: the request is valid during the call; the response is copied before it is freed.
    let response = unsafe {
        let buffer = (functions.call)(request.as_ptr(), request.len());
        if buffer.data.is_null() {
            return Err(Error::new("the plugin returned no response"));
        }
        let response = std::slice::from_raw_parts(buffer.data, buffer.length).to_vec();
        (functions.free)(buffer);
        response
    };
    match serde_json::from_slice(&response) {
        Ok(Response::Ok { value, .. }) => Ok(value),
        Ok(Response::Error { message, .. }) => Err(Error::new(message)),
        Err(error) => Err(Error::with_source(format!("invalid response of the plugin: {error}"), error)),
    }
}

struct NativeComparator {
    functions: Arc<Functions>,
    index: usize,
    info: ComparatorInfo,
}

impl Comparator for NativeComparator {
    fn describe(&self) -> ComparatorInfo {
        self.info.clone()
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let request = Request::Compare { index: self.index, request: request.clone() };
        Ok(serde_json::from_value(send(&self.functions, &request)?)?)
    }
}

struct NativeRenderer {
    functions: Arc<Functions>,
    index: usize,
    info: RendererInfo,
}

impl Renderer for NativeRenderer {
    fn describe(&self) -> RendererInfo {
        self.info.clone()
    }

    fn render(&self, changeset: &Changeset) -> Result<String> {
        let request = Request::Render { index: self.index, changeset: changeset.clone() };
        Ok(serde_json::from_value(send(&self.functions, &request)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use binoc_sdk::abi::{Buffer, handle_request};
    use binoc_sdk::{Plugin, Side};
    use std::error::Error as _;
    use std::sync::OnceLock;

    struct Panics;

    impl Comparator for Panics {
        fn describe(&self) -> ComparatorInfo {
            ComparatorInfo::new("panics").with_any()
        }

        fn compare(&self, _: &CompareRequest) -> Result<Outcome> {
            panic!("on purpose")
        }
    }

    extern "C" fn supported_version() -> u32 {
        ABI_VERSION
    }

    extern "C" fn later_version() -> u32 {
        9
    }

    unsafe extern "C" fn call(request: *const u8, length: usize) -> Buffer {
        static PLUGIN: OnceLock<Plugin> = OnceLock::new();
        // SAFETY: guaranteed by the caller.
        unsafe { handle_request(&PLUGIN, || Plugin::new("test", "1.0").comparator(Panics), request, length) }
    }

    unsafe extern "C" fn never(_: *const u8, _: usize) -> Buffer {
        unreachable!("called although the version is not supported")
    }

    unsafe extern "C" fn later_sdk(_: *const u8, _: usize) -> Buffer {
        let response = r#"{"status": "ok", "value": {"name": "later", "version": "2", "sdk": "0.9.0",
            "contributions": [{"family": "extractor", "name": "pages"},
                              {"family": "renderer", "name": "html", "extension": "html"}]}}"#;
        Buffer::new(response.into())
    }

    unsafe extern "C" fn html(_: *const u8, _: usize) -> Buffer {
        Buffer::new(b"<html>".to_vec())
    }

    unsafe extern "C" fn free(buffer: Buffer) {
        // SAFETY: created by `Buffer::new` above.
        unsafe { buffer.release() }
    }

    fn refused(functions: Functions) -> String {
        load(functions).err().unwrap().to_string()
    }

    #[test]
    fn other_abi_version_is_refused_before_a_call() {
        let message = refused(Functions { version: later_version, call: never, free });
        assert!(message.contains("ABI 9"), "{message}");
        assert!(message.ends_with("upgrade `binoc`"), "{message}");
    }

    #[test]
    fn unknown_family_is_refused_and_the_rest_is_loaded() {
        let native = load(Functions { version: supported_version, call: later_sdk, free }).unwrap();
        assert_eq!(native.renderers.len(), 1);
        let [refusal] = &native.refusals[..] else { panic!("{:?}", native.refusals) };
        assert!(refusal.contains("`pages`") && refusal.contains("`extractor`"), "{refusal}");
    }

    #[test]
    fn invalid_response_is_an_error() {
        let error = load(Functions { version: supported_version, call: html, free }).err().unwrap();
        assert!(error.source().unwrap().is::<serde_json::Error>());
    }

    #[test]
    fn panic_in_a_plugin_is_an_error() {
        let native = load(Functions { version: supported_version, call, free }).unwrap();
        let request = CompareRequest::new("x", Side::new("x", 1), Side::new("x", 1));
        let error = native.comparators[0].compare(&request).unwrap_err();
        assert_eq!(error.to_string(), "panicked: on purpose");
    }

    #[test]
    fn file_that_is_not_a_library_is_refused() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let error = open(&path).unwrap_err();
        assert!(error.source().unwrap().is::<libloading::Error>());
    }
}
