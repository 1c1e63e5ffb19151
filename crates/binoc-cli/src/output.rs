//! Output of reports to standard output and, atomically, to files.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use binoc_core::Registry;
use binoc_sdk::{Error, Result};

/// The format and destination of a report.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) format: String,
    /// The file; standard output if `None`.
    path: Option<PathBuf>,
}

/// Return the outputs that the options request, or an error if a format is unknown.
pub(crate) fn plan(
    registry: &Registry,
    format: Option<&str>,
    paths: &[OsString],
    quiet: bool,
) -> Result<Vec<Output>> {
    let mut outputs = Vec::new();
    for argument in paths {
        outputs.push(file(registry, argument)?);
    }
    // With `-o` the report is printed only if `--format` is given too.
    if format.is_some() || outputs.is_empty() {
        let format = format.unwrap_or("markdown").to_owned();
        registry.check_format(&format)?;
        if !quiet {
            outputs.push(Output { format, path: None });
        }
    }
    Ok(outputs)
}

fn file(registry: &Registry, argument: &OsString) -> Result<Output> {
    if let Some((format, path)) = argument.to_str().and_then(|text| text.split_once(':'))
        && registry.check_format(format).is_ok()
    {
        return Ok(Output { format: format.into(), path: Some(path.into()) });
    }
    let path = PathBuf::from(argument);
    let extension = path.extension().and_then(OsStr::to_str);
    let format = extension.and_then(|extension| registry.format_of(extension)).ok_or_else(|| {
        let path = path.display();
        Error::new(format!("no format for the extension of `{path}`; specify one: `-o markdown:{path}`"))
    })?;
    Ok(Output { format: format.into(), path: Some(path) })
}

impl Output {
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        match &self.path {
            None => print(text),
            Some(path) => replace(path, text).map_err(|error| Error::io(path, error)),
        }
    }
}

/// Print a text to standard output. A closed pipe is not an error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io(Path::new("standard output"), error))
        }
        _ => Ok(()),
    }
}

/// Replace a file atomically: write a temporary file in the same directory, then rename it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // Write to a pipe or device instead of replacing it, and replace the target of a symbolic link, not the link.
    let target = match fs::canonicalize(path) {
        Ok(target) if !target.is_file() => {
            return File::options().write(true).open(path)?.write_all(text.as_bytes());
        }
        Ok(target) => target,
        Err(_) => path.to_owned(),
    };
    let file_name = target.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "no file name; specify the path of a file")
    })?;
    let mut name = OsString::from(".");
    name.push(file_name);
    name.push(format!(".{}.part", std::process::id()));
    let part = target.with_file_name(name);
    let written = File::create_new(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, &target));
    if written.is_err() {
        // Report the first error, not that of the cleanup.
        let _ = fs::remove_file(&part);
    }
    written
}
