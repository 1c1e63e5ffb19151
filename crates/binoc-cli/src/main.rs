//! `binoc` without Python, for development; users get the same command from the Python package.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(binoc_cli::run(std::env::args_os().skip(1).collect(), Vec::new()))
}
