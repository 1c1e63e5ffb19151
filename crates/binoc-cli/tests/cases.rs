//! Golden tests. Each directory of `cases` contains two snapshots and the expected report. The optional file `args`
//! contains additional arguments. `BINOC_BLESS=1 cargo test` updates the reports.
//!
//! The tests of the Python package use the same directories.

// Failures of the setup may panic.
#![allow(clippy::unwrap_used)]

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use binoc_core::Limits;
use binoc_sdk::{Changeset, CompareOptions};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 10, "test cases are missing");
    cases
}

fn arguments(case: &Path) -> Vec<String> {
    let text = match fs::read_to_string(case.join("args")) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text.unwrap(),
    };
    text.split_whitespace().map(str::to_owned).collect()
}

fn expected(case: &Path) -> String {
    let path = case.join("expected.md");
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("`{}`: {error}; set BINOC_BLESS=1 to write it", path.display()))
}

#[test]
fn command_prints_the_expected_reports() {
    let mut failures = String::new();
    for case in cases() {
        let output = Command::new(env!("CARGO_BIN_EXE_binoc"))
            .args(["diff", "a", "b"])
            .args(arguments(&case))
            .current_dir(&case)
            .output()
            .unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        if env::var_os("BINOC_BLESS").is_some() {
            fs::write(case.join("expected.md"), &report).unwrap();
        }
        let expected = expected(&case);
        // An incomplete comparison also prints errors, and decides the exit code.
        let incomplete = report.contains("\n- error: ");
        let (code, has_errors) = (output.status.code(), !output.stderr.is_empty());
        if report != expected || (code, has_errors) != (Some(if incomplete { 2 } else { 0 }), incomplete) {
            let errors = String::from_utf8_lossy(&output.stderr);
            let case = case.display();
            failures.push_str(&format!(
                "{case}\n--- expected\n{expected}\n--- actual, exit code {code:?}\n{report}{errors}\n"
            ));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn rust_functions_return_the_expected_reports() {
    if env::var_os("BINOC_BLESS").is_some() {
        return;
    }
    let registry = binoc_cli::registry(Vec::new(), Vec::new());
    for case in cases() {
        let options = options(&arguments(&case));
        let changeset =
            binoc_core::diff(&case.join("a"), &case.join("b"), &registry, &options, &Limits::default())
                .unwrap();
        let report = registry.render("markdown", &changeset).unwrap();
        assert_eq!(report, expected(&case), "{}", case.display());
        assert_eq!(changeset.is_incomplete(), report.contains("\n- error: "), "{}", case.display());
        // A changeset that was saved as JSON has the same report.
        let saved = Changeset::from_json(&registry.render("json", &changeset).unwrap()).unwrap();
        assert_eq!(saved, changeset, "{}", case.display());
    }
}

/// Return the options that the arguments of a case mean.
fn options(arguments: &[String]) -> CompareOptions {
    let mut options = CompareOptions::default();
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().unwrap().to_owned();
        match argument {
            "--key" => options.key.push(value()),
            "--key-of" => {
                let table = value();
                options.keys.entry(table).or_default().push(value());
            }
            "--examples" => options.examples = value().parse().unwrap(),
            "--memory" => options.memory = binoc_cli::parse_size(&value()).unwrap(),
            other => panic!("unknown argument `{other}`"),
        }
    }
    options
}
