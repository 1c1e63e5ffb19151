//! Parsing of the command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use binoc_sdk::Error;
use lexopt::prelude::*;

/// A parsed command.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Version,
    Plugins { extra: Vec<PathBuf> },
    Diff(Diff),
}

/// The arguments of `binoc diff`.
#[derive(Debug, Default)]
pub(crate) struct Diff {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    pub(crate) format: Option<String>,
    pub(crate) outputs: Vec<OsString>,
    pub(crate) key: Vec<String>,
    pub(crate) keys: BTreeMap<String, Vec<String>>,
    pub(crate) memory: Option<u64>,
    pub(crate) examples: Option<usize>,
    pub(crate) exit_code: bool,
    pub(crate) quiet: bool,
    pub(crate) plugins: Vec<PathBuf>,
}

pub(crate) fn parse(args: Vec<OsString>) -> Result<Command, Error> {
    commands(args).map_err(|error| {
        let message = error.to_string();
        // `lexopt` quotes identifiers with ' and "; our messages use backticks.
        let message = message.replace('\'', "`").replace(" \"", " `").replace('"', "`");
        Error::with_source(message, error)
    })
}

fn commands(args: Vec<OsString>) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(args);
    match parser.next()? {
        Some(Short('V') | Long("version")) => Ok(Command::Version),
        Some(Short('h') | Long("help")) => Ok(Command::Help),
        Some(Value(command)) => match command.to_str() {
            Some("diff") => diff(&mut parser),
            Some("plugins") => plugins(&mut parser),
            Some("help") => Ok(Command::Help),
            _ => Err(format!("unknown command `{}`", command.to_string_lossy()).into()),
        },
        Some(other) => Err(other.unexpected()),
        None => Err("no command".into()),
    }
}

fn plugins(parser: &mut lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut extra = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("plugin") => extra.push(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Plugins { extra })
}

fn diff(parser: &mut lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut diff = Diff::default();
    let mut snapshots = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("format") => diff.format = Some(parser.value()?.string()?),
            Short('o') | Long("output") => diff.outputs.push(parser.value()?),
            Long("key") => diff.key.push(parser.value()?.string()?),
            Long("key-of") => {
                let table = parser.value()?.string()?;
                let column =
                    parser.value().map_err(|_| "missing column for option `--key-of TABLE COLUMN`")?;
                diff.keys.entry(table).or_default().push(column.string()?);
            }
            Long("memory") => {
                let size = parser.value()?.string()?;
                diff.memory = Some(parse_size(&size).map_err(|error| error.to_string())?);
            }
            Long("examples") => diff.examples = Some(parser.value()?.parse()?),
            Long("exit-code") => diff.exit_code = true,
            Short('q') | Long("quiet") => diff.quiet = true,
            Long("plugin") => diff.plugins.push(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(Command::Help),
            Value(path) => snapshots.push(PathBuf::from(path)),
            other => return Err(other.unexpected()),
        }
    }
    let count = snapshots.len();
    let two: [PathBuf; 2] =
        snapshots.try_into().map_err(|_| format!("`binoc diff` requires 2 snapshots, got {count}"))?;
    [diff.from, diff.to] = two;
    Ok(Command::Diff(diff))
}

/// Parse a size such as `256MiB`, `1G` or a number of bytes. The units are powers of 1024.
///
/// # Errors
/// The text is not a positive number with a known unit, or the size is too large.
pub fn parse_size(text: &str) -> Result<u64, Error> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let shift = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        _ => return Err(invalid_size(text)),
    };
    let size = number.parse().ok().and_then(|number: u64| number.checked_mul(1 << shift));
    size.filter(|size| *size > 0).ok_or_else(|| invalid_size(text))
}

fn invalid_size(text: &str) -> Error {
    Error::new(format!("invalid size `{text}`; use a number of bytes or a unit: `256MiB`, `1GiB`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (text, size) in [
            ("1", 1),
            ("512B", 512),
            ("4k", 4 << 10),
            ("256MiB", 256 << 20),
            ("1G", 1 << 30),
            ("2 TiB", 2 << 40),
        ] {
            assert_eq!(parse_size(text).unwrap(), size, "{text}");
        }
        for text in
            ["", "0", "0G", "-1", "1.5G", "1MB", "G", "1 X", "99999999999999999999", "99999999T", "\u{661}"]
        {
            assert!(parse_size(text).unwrap_err().to_string().contains(&format!("`{text}`")), "{text}");
        }
    }
}
