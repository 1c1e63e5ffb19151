//! Calls a plugin through the C boundary.

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

/// A plugin of our ABI version that introduced itself.
pub(crate) struct Native {
    pub(crate) description: Description,
    pub(crate) comparators: Vec<Box<dyn Comparator>>,
    pub(crate) renderers: Vec<Box<dyn Renderer>>,
    /// Contributions that this host cannot use.
    pub(crate) refusals: Vec<String>,
}

/// Opens a library and looks its functions up.
pub(crate) fn open(path: &Path) -> Result<Functions> {
    // A bare name would be searched for along the library path; only the named file is meant.
    let path = std::path::absolute(path).map_err(|error| Error::io(path, error))?;
    // SAFETY: plugins are trusted code that the user installed or named; opening one runs its initialisers.
    let library = unsafe { libloading::Library::new(&path) }
        .map_err(|error| Error::with_source(format!("cannot be opened: {}", cause(&error)), error))?;
    // Never unloaded: its code may have left thread-local destructors behind.
    let library: &'static libloading::Library = Box::leak(Box::new(library));
    let missing = |name: &str| {
        Error::new(format!("not a plugin: it has no function `{name}`; rebuild it with `export_plugin!`"))
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

/// Lets a plugin introduce itself; refuses another ABI version before anything else is called.
pub(crate) fn load(functions: Functions) -> Result<Native> {
    // SAFETY: takes nothing, returns a number.
    let version = unsafe { (functions.version)() };
    if version != ABI_VERSION {
        let advice = if version > ABI_VERSION { "upgrade `binoc`" } else { "upgrade the plugin" };
        return Err(Error::new(format!(
            "it speaks plugin ABI {version}, this `binoc` speaks {ABI_VERSION}; {advice}"
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
            format!("{name} does not describe itself as this `binoc` expects")
        }
        Some(family) => {
            format!("{name} is of the family `{family}`, which this `binoc` does not know; upgrade `binoc`")
        }
    }
}

/// Send a request to a plugin and return the value of its response.
fn send(functions: &Functions, request: &Request) -> Result<Value> {
    let request = serde_json::to_vec(request)
        .map_err(|error| Error::with_source(format!("cannot be asked: {error}"), error))?;
    // SAFETY: the request lives through the call; the response is copied before it is freed.
    let response = unsafe {
        let buffer = (functions.call)(request.as_ptr(), request.len());
        if buffer.data.is_null() {
            return Err(Error::new("no answer"));
        }
        let response = std::slice::from_raw_parts(buffer.data, buffer.length).to_vec();
        (functions.free)(buffer);
        response
    };
    match serde_json::from_slice(&response) {
        Ok(Response::Ok { value, .. }) => Ok(value),
        Ok(Response::Error { message, .. }) => Err(Error::new(message)),
        Err(error) => Err(Error::with_source(format!("its answer cannot be understood: {error}"), error)),
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

    extern "C" fn ours() -> u32 {
        ABI_VERSION
    }

    extern "C" fn theirs() -> u32 {
        9
    }

    unsafe extern "C" fn call(request: *const u8, length: usize) -> Buffer {
        static PLUGIN: OnceLock<Plugin> = OnceLock::new();
        // SAFETY: passed on as it came.
        unsafe { handle_request(&PLUGIN, || Plugin::new("test", "1.0").comparator(Panics), request, length) }
    }

    unsafe extern "C" fn never(_: *const u8, _: usize) -> Buffer {
        unreachable!("called in spite of its version")
    }

    unsafe extern "C" fn from_the_future(_: *const u8, _: usize) -> Buffer {
        let response = r#"{"status": "ok", "value": {"name": "later", "version": "2", "sdk": "0.9.0",
            "contributions": [{"family": "extractor", "name": "pages"},
                              {"family": "renderer", "name": "html", "extension": "html"}]}}"#;
        Buffer::new(response.into())
    }

    unsafe extern "C" fn gibberish(_: *const u8, _: usize) -> Buffer {
        Buffer::new(b"<html>".to_vec())
    }

    unsafe extern "C" fn free(buffer: Buffer) {
        // SAFETY: made by `Buffer::new` above.
        unsafe { buffer.release() }
    }

    fn refused(functions: Functions) -> String {
        load(functions).err().unwrap().to_string()
    }

    #[test]
    fn another_abi_version_is_refused_before_it_is_called() {
        let message = refused(Functions { version: theirs, call: never, free });
        assert!(message.contains("plugin ABI 9, this `binoc` speaks 1; upgrade `binoc`"), "{message}");
    }

    #[test]
    fn an_unknown_family_is_refused_by_name_and_the_rest_is_used() {
        let native = load(Functions { version: ours, call: from_the_future, free }).unwrap();
        assert_eq!(native.renderers.len(), 1);
        assert_eq!(
            native.refusals,
            ["`pages` is of the family `extractor`, which this `binoc` does not know; upgrade `binoc`"]
        );
    }

    #[test]
    fn an_answer_that_is_not_ours_is_an_error() {
        let error = load(Functions { version: ours, call: gibberish, free }).err().unwrap();
        assert!(error.to_string().contains("cannot be understood"));
        assert!(error.source().unwrap().is::<serde_json::Error>());
    }

    #[test]
    fn a_panic_in_a_plugin_is_an_error_message() {
        let native = load(Functions { version: ours, call, free }).unwrap();
        let request = CompareRequest::new("x", Side::new("x", 1), Side::new("x", 1));
        let error = native.comparators[0].compare(&request).unwrap_err();
        assert_eq!(error.to_string(), "panicked: on purpose");
    }

    #[test]
    fn a_file_that_is_no_library_is_refused() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let error = open(&path).unwrap_err();
        assert!(error.to_string().contains("cannot be opened"));
        assert!(error.source().unwrap().is::<libloading::Error>());
    }
}
