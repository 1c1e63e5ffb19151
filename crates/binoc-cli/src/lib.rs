//! The command `binoc`: arguments, output and exit codes.

mod args;
#[doc(hidden)]
pub mod fuzzing;
mod output;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use binoc_core::{Limits, PluginReport, PluginSource, Registry};
use binoc_sdk::{CompareOptions, Error, Severity};

pub use args::parse_size;
use args::{Command, Diff};

/// The exit code of success.
pub const OK: u8 = 0;
/// The exit code if something changed, with `--exit-code`.
pub const CHANGED: u8 = 1;
/// The exit code of usage errors, failed commands and incomplete comparisons.
pub const FAILED: u8 = 2;

const HELP: &str = "\
Report exactly what changed between two snapshots of a dataset.

Usage: binoc diff [OPTIONS] A B
       binoc plugins [--plugin PATH]...
       binoc --version | --help

A is the older snapshot and B the newer one. Both are directories, or both are
files.

Options of diff:
  --format NAME    print the report as `markdown` (default), `json` or the format
                   of a plugin
  -o, --output [NAME:]PATH
                   write the report to PATH instead, in the format NAME or that
                   of the extension; can be repeated
  --key COLUMN     match the rows of tables by this column; repeat for a key of
                   several columns
  --key-of TABLE COLUMN
                   match the rows of this table by this column; TABLE is the path
                   or name of a file, the name of a table in it, or PATH/TABLE;
                   repeat for a key of several columns
  --memory SIZE    use at most about SIZE of memory to compare tables, such as
                   512MiB or 1G (default: 256MiB)
  --examples N     show at most N examples of each fact (default: 5)
  --exit-code      exit with 1 if anything changed
  -q, --quiet      do not print the report
  --plugin PATH    also load this shared library; can be repeated

Exit codes: 0 success, 1 changed (with --exit-code), 2 error, or something could
not be compared.
";

/// Run the command with `args`, which do not include the program name, and return the exit code.
pub fn run(args: Vec<OsString>, plugins: Vec<PluginSource>) -> u8 {
    let command = match args::parse(args) {
        Ok(command) => command,
        Err(error) => {
            print_error(&format!("{error}; see `binoc --help`"));
            return FAILED;
        }
    };
    let result = match command {
        Command::Help => output::print(HELP).map(|()| OK),
        Command::Version => output::print(&format!("binoc {}\n", env!("CARGO_PKG_VERSION"))).map(|()| OK),
        Command::Plugins { extra } => list(&registry(plugins, extra)),
        Command::Diff(diff) => compare(diff, plugins),
    };
    result.unwrap_or_else(|error| {
        print_error(&error.to_string());
        FAILED
    })
}

/// Return the built-in comparators and renderers, and those of `plugins` and of the libraries in `extra`.
pub fn registry(mut plugins: Vec<PluginSource>, extra: Vec<PathBuf>) -> Registry {
    plugins.extend(extra.into_iter().map(PluginSource::path));
    Registry::new(binoc_stdlib::plugin(), &plugins)
}

fn compare(diff: Diff, plugins: Vec<PluginSource>) -> Result<u8, Error> {
    let registry = registry(plugins, diff.plugins);
    // Check the outputs before the comparison, which can take long.
    let outputs = output::plan(&registry, diff.format.as_deref(), &diff.outputs, diff.quiet)?;
    let mut options = CompareOptions::default();
    (options.key, options.keys) = (diff.key, diff.keys);
    options.memory = diff.memory.unwrap_or(options.memory);
    options.examples = diff.examples.unwrap_or(options.examples);
    let changeset = binoc_core::diff(&diff.from, &diff.to, &registry, &options, &Limits::default())?;
    for finding in changeset.diagnostics.iter().filter(|finding| finding.severity == Severity::Error) {
        let path = finding.path.as_ref().map_or_else(String::new, |path| format!("`{path}`: "));
        print_error(&format!("{path}{}", finding.message));
    }
    for output in outputs {
        output.write(&registry.render(&output.format, &changeset)?)?;
    }
    Ok(match changeset.is_changed() {
        _ if changeset.is_incomplete() => FAILED,
        true if diff.exit_code => CHANGED,
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
        text.push_str("no plugins installed; `pip install binoc-sqlite` installs one for SQLite databases\n");
    }
    output::print(&text)?;
    Ok(if registry.refusals().next().is_some() { FAILED } else { OK })
}

fn print_error(message: &str) {
    // File names can contain control characters, which a terminal would interpret.
    let safe: String = message.replace(char::is_control, "\u{fffd}");
    // If standard error is closed, the message is lost; the exit code is not.
    let _ = writeln!(std::io::stderr(), "binoc: {safe}");
}
