//! The C boundary between host and plugin: three functions and JSON messages.
//!
//! ```c
//! uint32_t binoc_abi_version(void);
//! struct buffer { uint8_t *data; size_t length; size_t capacity; };
//! struct buffer binoc_call(const uint8_t *request, size_t length);
//! void binoc_free(struct buffer);
//! ```
//!
//! The host calls `binoc_abi_version` first. If the version differs from its own, it calls no other function.
//! Each side frees the memory that it allocated. A panic does not cross the boundary; it becomes an error
//! message.
//!
//! This module is for hosts and for [`export_plugin!`](crate::export_plugin); plugins do not use it directly. An
//! incompatible change of the messages increments [`ABI_VERSION`].

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::model::Changeset;
use crate::plugin::{ComparatorInfo, CompareRequest, Plugin, RendererInfo};

/// The version of the functions and messages; a host loads only plugins of the same version.
pub const ABI_VERSION: u32 = 1;

/// A request from the host.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Request {
    /// Describe the plugin; the response is a [`Description`].
    Describe,
    /// Compare two files; the response is an [`Outcome`](crate::Outcome).
    Compare {
        /// The index of the comparator in [`Description::contributions`].
        index: usize,
        /// The two files.
        request: CompareRequest,
    },
    /// Render a changeset; the response is a string.
    Render {
        /// The index of the renderer in [`Description::contributions`].
        index: usize,
        /// The changeset to render.
        changeset: Changeset,
    },
}

/// A response from the plugin.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "a call succeeds or fails; only fields can be added")]
pub enum Response {
    /// The call succeeded.
    #[non_exhaustive]
    Ok {
        /// The result; its type depends on the request.
        value: Value,
    },
    /// The call failed.
    #[non_exhaustive]
    Error {
        /// The reason, for the user.
        message: String,
    },
}

/// The description of a plugin.
#[derive(Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Description {
    /// The name of the plugin.
    pub name: String,
    /// The version of the plugin.
    pub version: String,
    /// The version of `binoc-sdk` that the plugin was built with.
    pub sdk: String,
    /// The comparators, then the renderers: each a [`Contribution`], kept as JSON so that a host can name a family
    /// that it does not know.
    pub contributions: Vec<Value>,
}

/// An entry of [`Description::contributions`] of a family that this version knows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Contribution {
    /// A comparator.
    Comparator(ComparatorInfo),
    /// A renderer.
    Renderer(RendererInfo),
}

/// Bytes that are passed to the other side; freed by the side that allocated them.
#[repr(C)]
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "its layout is part of the C interface")]
pub struct Buffer {
    /// A pointer to the first byte.
    pub data: *mut u8,
    /// The number of bytes.
    pub length: usize,
    /// The number of allocated bytes.
    pub capacity: usize,
}

impl Buffer {
    /// Create a buffer from bytes, without freeing them.
    pub fn new(bytes: Vec<u8>) -> Self {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        Self { data: bytes.as_mut_ptr(), length: bytes.len(), capacity: bytes.capacity() }
    }

    /// Take the bytes back and free them.
    ///
    /// # Safety
    /// The buffer was created by [`Buffer::new`] in this library and was not released before.
    pub unsafe fn release(self) {
        // SAFETY: guaranteed by the caller.
        drop(unsafe { Vec::from_raw_parts(self.data, self.length, self.capacity) });
    }
}

/// The type of `binoc_abi_version`.
pub type VersionFn = unsafe extern "C" fn() -> u32;
/// The type of `binoc_call`.
pub type CallFn = unsafe extern "C" fn(*const u8, usize) -> Buffer;
/// The type of `binoc_free`.
pub type FreeFn = unsafe extern "C" fn(Buffer);

/// Handle one request and return the JSON of a [`Response`]; this is the body of `binoc_call`.
///
/// # Safety
/// `request` points to `length` readable bytes.
pub unsafe fn handle_request(
    cell: &OnceLock<Plugin>,
    make: fn() -> Plugin,
    request: *const u8,
    length: usize,
) -> Buffer {
    // SAFETY: guaranteed by the caller.
    let request = unsafe { std::slice::from_raw_parts(request, length) };
    let result = catch_unwind(AssertUnwindSafe(|| dispatch(cell.get_or_init(make), request)))
        .unwrap_or_else(|panic| Err(Error::new(format!("panicked: {}", panic_text(&*panic)))));
    let response = match result {
        Ok(value) => Response::Ok { value },
        Err(error) => Response::Error { message: error.to_string() },
    };
    // Cannot fail: a response is a string or a JSON value, and the writer is a vector.
    Buffer::new(serde_json::to_vec(&response).expect("a string or a JSON value is valid JSON"))
}

fn dispatch(plugin: &Plugin, request: &[u8]) -> Result<Value> {
    let comparators = plugin.comparators.len();
    match serde_json::from_slice(request)? {
        Request::Describe => {
            let comparators =
                plugin.comparators.iter().map(|comparator| Contribution::Comparator(comparator.describe()));
            let renderers =
                plugin.renderers.iter().map(|renderer| Contribution::Renderer(renderer.describe()));
            let contributions =
                comparators.chain(renderers).map(serde_json::to_value).collect::<Result<_, _>>()?;
            Ok(serde_json::to_value(Description {
                name: plugin.name.clone(),
                version: plugin.version.clone(),
                sdk: env!("CARGO_PKG_VERSION").into(),
                contributions,
            })?)
        }
        Request::Compare { index, request } => {
            let comparator = plugin.comparators.get(index).ok_or_else(|| unknown_index(index))?;
            Ok(serde_json::to_value(comparator.compare(&request)?)?)
        }
        Request::Render { index, changeset } => {
            let renderer = index.checked_sub(comparators).and_then(|place| plugin.renderers.get(place));
            let renderer = renderer.ok_or_else(|| unknown_index(index))?;
            Ok(Value::String(renderer.render(&changeset)?))
        }
    }
}

fn unknown_index(index: usize) -> Error {
    Error::new(format!("no matching contribution at index {index}"))
}

/// Return the message of a caught panic.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

/// Define the three C functions of a plugin for a function of type `fn() -> Plugin`.
#[macro_export]
macro_rules! export_plugin {
    ($make:path) => {
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        pub extern "C" fn binoc_abi_version() -> u32 {
            $crate::abi::ABI_VERSION
        }

        /// # Safety
        /// `request` points to `length` readable bytes.
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn binoc_call(request: *const u8, length: usize) -> $crate::abi::Buffer {
            static PLUGIN: ::std::sync::OnceLock<$crate::Plugin> = ::std::sync::OnceLock::new();
            // SAFETY: guaranteed by the caller.
            unsafe { $crate::abi::handle_request(&PLUGIN, $make, request, length) }
        }

        /// # Safety
        /// The buffer was returned by `binoc_call` of this library and was not freed before.
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn binoc_free(buffer: $crate::abi::Buffer) {
            // SAFETY: guaranteed by the caller.
            unsafe { buffer.release() }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Node;
    use crate::plugin::{Comparator, Outcome, Renderer, Side};

    /// A renderer and comparator whose text needs escaping in JSON.
    struct Hostile;

    const HOSTILE: &str = "\0\u{1f}\"\\\u{2028}\u{1F600}";

    impl Renderer for Hostile {
        fn describe(&self) -> RendererInfo {
            RendererInfo::new(HOSTILE, HOSTILE)
        }

        fn render(&self, changeset: &Changeset) -> Result<String> {
            Ok(changeset.from.clone())
        }
    }

    impl Comparator for Hostile {
        fn describe(&self) -> ComparatorInfo {
            ComparatorInfo::new(HOSTILE)
        }

        fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
            match request.path.as_str() {
                "fails" => Err(Error::new(HOSTILE)),
                "panics" => panic!("{HOSTILE}"),
                _ => Ok(Outcome::changed(Node::new(HOSTILE, "file", ""))),
            }
        }
    }

    fn response(request: &[u8]) -> Response {
        let make = || Plugin::new("hostile", "1.0").comparator(Hostile).renderer(Hostile);
        // SAFETY: a slice has `len` readable bytes; the buffer is read before it is released.
        unsafe {
            let buffer = handle_request(&OnceLock::new(), make, request.as_ptr(), request.len());
            let response = serde_json::from_slice(std::slice::from_raw_parts(buffer.data, buffer.length));
            buffer.release();
            response.unwrap()
        }
    }

    fn value(request: &Request) -> Value {
        match response(&serde_json::to_vec(request).unwrap()) {
            Response::Ok { value } => value,
            Response::Error { message } => panic!("{message}"),
        }
    }

    fn message(request: &[u8]) -> String {
        match response(request) {
            Response::Ok { value } => panic!("{value}"),
            Response::Error { message } => message,
        }
    }

    fn comparison(path: &str) -> Request {
        let request = CompareRequest::new(path, Side::new("a", 1), Side::new("b", 1));
        Request::Compare { index: 0, request }
    }

    #[test]
    fn response_keeps_special_characters() {
        let description: Description = serde_json::from_value(value(&Request::Describe)).unwrap();
        assert_eq!(description.contributions[0]["name"], HOSTILE);
        assert_eq!(description.contributions[1]["extension"], HOSTILE);
        assert_eq!(value(&comparison("x"))["node"]["action"], HOSTILE);
        let changeset = Changeset::new(HOSTILE, "b");
        assert_eq!(value(&Request::Render { index: 1, changeset }), HOSTILE);
    }

    #[test]
    fn errors_and_panics_are_error_responses() {
        let message_for = |request: &Request| message(&serde_json::to_vec(request).unwrap());
        assert_eq!(message_for(&comparison("fails")), HOSTILE);
        assert!(message_for(&comparison("panics")).contains(HOSTILE));
        let changeset = Changeset::new("a", "b");
        assert!(message_for(&Request::Render { index: 0, changeset }).contains("index 0"));
        assert!(!message(b"").is_empty());
        assert!(message(br#"{"call": "explain"}"#).contains("explain"));
    }
}
