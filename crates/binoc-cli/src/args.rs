//! Parsing of the command line.

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
