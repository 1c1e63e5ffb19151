//! The error of a contribution.

use std::path::Path;

/// What went wrong, in words for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

/// The result of a contribution.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a message in lower case.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// An input or output error, with the path that [`std::io::Error`] leaves out.
    pub fn io(path: &Path, error: &std::io::Error) -> Self {
        // "(os error 2)" helps nobody.
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
        Self(format!("`{}`: {text}", path.display()))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("unreadable JSON: {error}"))
    }
}
