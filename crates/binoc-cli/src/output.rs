//! Where a report goes, whole or not at all.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use binoc_core::Registry;
use binoc_sdk::{Error, Result};

/// One report to be made.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) format: String,
    /// Standard output if none.
    path: Option<PathBuf>,
}

/// Decides what will be written; refuses what cannot be before any work is done.
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
    // A format names what is printed; without one, files are enough.
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
        Error::new(format!("no format is known by the extension of `{path}`; write `-o markdown:{path}`"))
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

/// Prints all of it. A reader who has seen enough and left is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io(Path::new("standard output"), error))
        }
        _ => Ok(()),
    }
}

/// Writes beside the target and renames, so that nobody ever reads half a report.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A pipe or a device is written to, not replaced; a link keeps pointing where it points.
    let target = match fs::canonicalize(path) {
        Ok(target) if !target.is_file() => {
            return File::options().write(true).open(path)?.write_all(text.as_bytes());
        }
        Ok(target) => target,
        Err(_) => path.to_owned(),
    };
    let file_name = target.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "no file name; write the path of a file")
    })?;
    let mut name = OsString::from(".");
    name.push(file_name);
    name.push(format!(".{}.part", std::process::id()));
    let part = target.with_file_name(name);
    let written = File::create_new(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, &target));
    if written.is_err() {
        // The first error is the one that matters.
        let _ = fs::remove_file(&part);
    }
    written
}
