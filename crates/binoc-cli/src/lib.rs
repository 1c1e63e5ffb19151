//! The command `binoc`: what a user types, reads and gets as an exit code.

mod args;
mod output;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use binoc_core::{Limits, PluginReport, PluginSource, Registry};
use binoc_sdk::{CompareOptions, Error, Severity};

use args::{Command, Diff};

/// Nothing changed, or nothing was asked about it.
pub const OK: u8 = 0;
/// Something changed, and `--exit-code` asked.
pub const CHANGED: u8 = 1;
/// It could not be done, not completely, or not be understood.
pub const TROUBLE: u8 = 2;

const HELP: &str = "\
Say exactly what changed between two snapshots of a dataset.

Usage: binoc diff [OPTIONS] A B
       binoc plugins [--plugin PATH]...
       binoc --version | --help

A is the older snapshot, B the newer: two directories, or two files.

Options of diff:
  --format NAME    print as `markdown` (the default), `json` or a plugin's format
  -o, --output PATH
                   write to PATH instead, in the format of its extension, or of
                   NAME in NAME:PATH; may be repeated
  --key COLUMN     match the rows of tables by this column; repeat for a key of
                   several columns
  --examples N     show up to N examples of each fact (5)
  --exit-code      exit with 1 if anything changed, with 2 if not all could be
                   compared
  -q, --quiet      print no report
  --plugin PATH    also load this shared library; may be repeated

Exit codes: 0 done, 1 changed (with --exit-code), 2 trouble.
";

/// Runs the command with `args`, which do not include the program's name, and gives the exit code.
pub fn run(args: Vec<OsString>, plugins: Vec<PluginSource>) -> u8 {
    let command = match args::parse(args) {
        Ok(command) => command,
        Err(error) => {
            complain(&format!("{error}; see `binoc --help`"));
            return TROUBLE;
        }
    };
    let done = match command {
        Command::Help => output::print(HELP).map(|()| OK),
        Command::Version => output::print(&format!("binoc {}\n", env!("CARGO_PKG_VERSION"))).map(|()| OK),
        Command::Plugins { extra } => list(&registry(plugins, extra)),
        Command::Diff(diff) => compare(diff, plugins),
    };
    done.unwrap_or_else(|error| {
        complain(&error.to_string());
        TROUBLE
    })
}

/// The comparators and renderers of this version and of `plugins`.
pub fn registry(mut plugins: Vec<PluginSource>, extra: Vec<PathBuf>) -> Registry {
    plugins.extend(extra.into_iter().map(PluginSource::path));
    Registry::new(binoc_stdlib::plugin(), &plugins)
}

fn compare(diff: Diff, plugins: Vec<PluginSource>) -> Result<u8, Error> {
    let registry = registry(plugins, diff.plugins);
    // Before the work, which may take long.
    let outputs = output::plan(&registry, diff.format.as_deref(), &diff.outputs, diff.quiet)?;
    let mut options = CompareOptions::default();
    options.key = diff.key;
    options.examples = diff.examples.unwrap_or(options.examples);
    let changeset = binoc_core::diff(&diff.from, &diff.to, &registry, &options, &Limits::default())?;
    for finding in changeset.diagnostics.iter().filter(|finding| finding.severity == Severity::Error) {
        let path = finding.path.as_ref().map_or_else(String::new, |path| format!("`{path}`: "));
        complain(&format!("{path}{}", finding.message));
    }
    for output in outputs {
        output.write(&registry.render(&output.format, &changeset)?)?;
    }
    Ok(match diff.exit_code {
        true if changeset.is_incomplete() => TROUBLE,
        true if changeset.is_changed() => CHANGED,
        _ => OK,
    })
}

fn list(registry: &Registry) -> Result<u8, Error> {
    let mut text = String::new();
    for PluginReport { name, identity, offers, refusals } in registry.reports() {
        let about = identity.as_ref().map_or("refused".into(), |identity| format!("loaded: {identity}"));
        text.push_str(&format!("{name}: {about}\n"));
        text.extend(offers.iter().map(|offer| format!("  {offer}\n")));
        text.extend(refusals.iter().map(|why| format!("  refused: {why}\n")));
    }
    if text.is_empty() {
        text.push_str("no plugins; they are found through the entry-point group `binoc.plugins`\n");
    }
    output::print(&text)?;
    Ok(if registry.refusals().next().is_some() { TROUBLE } else { OK })
}

fn complain(message: &str) {
    // File names may hold anything, even what a terminal would obey.
    let safe: String = message.replace(char::is_control, "\u{fffd}");
    // There is nobody left to tell if standard error is gone.
    let _ = writeln!(std::io::stderr(), "binoc: {safe}");
}
