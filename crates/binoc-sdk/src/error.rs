//! The error type of comparators and renderers.

use std::error::Error as StdError;
use std::path::Path;

/// An error of a comparator or renderer: a message for the user, and the source error.
///
/// Only the message reaches the host, so it must be complete without its source.
#[derive(Debug)]
pub struct Error {
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of a comparator or renderer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Create an error from a message in lower case.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// Create an error from a message in lower case and the error that caused it.
    pub fn with_source(
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }

    /// Create an error from an I/O error and the path, which [`std::io::Error`] does not contain.
    pub fn io(path: &Path, error: std::io::Error) -> Self {
        let text = error.to_string();
        // Remove the error code of the operating system, such as "(os error 2)".
        let text = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
        Self::with_source(format!("`{}`: {text}", path.display()), error)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::with_source(format!("invalid JSON: {error}"), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn io_error_has_path_and_source() {
        let error = Error::io(Path::new("x.csv"), io::Error::from_raw_os_error(2));
        assert!(error.to_string().starts_with("`x.csv`: "), "{error}");
        assert!(!error.to_string().contains("os error"), "{error}");
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(2));
    }

    #[test]
    fn json_error_has_source() {
        let error = Error::from(serde_json::from_str::<u8>("no").unwrap_err());
        assert!(error.source().is_some_and(<dyn StdError>::is::<serde_json::Error>));
    }

    #[test]
    fn error_can_be_a_source() {
        let error = Error::with_source("outer", Error::new("inner"));
        assert_eq!(error.to_string(), "outer");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("inner"));
        assert!(Error::new("alone").source().is_none());
    }
}
