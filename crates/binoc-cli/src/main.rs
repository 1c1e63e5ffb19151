//! The command `binoc` without Python, for development. The Python package installs the same command for users.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(binoc_cli::run(std::env::args_os().skip(1).collect(), Vec::new()))
}
