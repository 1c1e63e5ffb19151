//! Golden tests. Each directory of `cases` contains two snapshots and the expected report. The optional file `args`
//! contains additional arguments. `BINOC_BLESS=1 cargo test` updates the reports.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

#[test]
fn reports_match_the_golden_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 10, "test cases are missing");
    let mut failures = String::new();
    for case in cases {
        let arguments = match fs::read_to_string(case.join("args")) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            arguments => arguments.unwrap(),
        };
        let output = Command::new(env!("CARGO_BIN_EXE_binoc"))
            .args(["diff", "a", "b"])
            .args(arguments.split_whitespace())
            .current_dir(&case)
            .output()
            .unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        let expected = case.join("expected.md");
        if env::var_os("BINOC_BLESS").is_some() {
            fs::write(&expected, &report).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_else(|error| {
            panic!("`{}`: {error}; set BINOC_BLESS=1 to write it", expected.display())
        });
        // What could not be compared is also printed as an error.
        if report != expected || output.stderr.is_empty() == report.contains("\n- error: ") {
            let errors = String::from_utf8_lossy(&output.stderr);
            let case = case.display();
            failures.push_str(&format!("{case}\n--- expected\n{expected}\n--- actual\n{report}{errors}\n"));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
