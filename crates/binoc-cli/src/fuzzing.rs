//! Properties of the command that hold for any bytes: functions for fuzzers and for the tests, which panic otherwise.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs};

use binoc_core::{Limits, Registry};
use binoc_sdk::{Changeset, CompareOptions, Node};

/// Check the comparison of any two files; the first byte selects their name.
pub fn snapshots(data: &[u8]) {
    const NAMES: [&str; 6] = ["t.csv", "t.tsv", "t.psv", "t.txt", "t.json", "t"];
    let (first, data) = data.split_first().unwrap_or((&0, &[]));
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let (old, new) = binoc_stdlib::fuzzing::halves(data);
    let directory = Directory::new();
    let paths = ["a", "b"].map(|side| directory.0.join(side).join(name));
    for (path, content) in paths.iter().zip([old, new]) {
        write(path, content);
    }
    let registry = crate::registry(Vec::new(), Vec::new());
    let options = CompareOptions::default();
    let diff = |from: &Path, to: &Path| {
        binoc_core::diff(from, to, &registry, &options, &Limits::default()).expect("files can be read")
    };
    let changeset = diff(&paths[0], &paths[1]);
    assert_eq!(changeset.is_changed(), old != new);
    assert!(!diff(&paths[0], &paths[0]).is_changed());
    check(&changeset, &registry);
    if !changeset.is_incomplete() {
        changeset.changes.iter().for_each(check_rows);
    }
}

/// Check the parser and the renderers of changesets.
pub fn changeset(data: &[u8]) {
    if let Ok(changeset) = Changeset::from_json(&String::from_utf8_lossy(data)) {
        check(&changeset, &crate::registry(Vec::new(), Vec::new()));
    }
}

/// Check the parser of the command line, whose arguments are divided by zero bytes.
pub fn arguments(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(error) = crate::args::parse(text.split('\0').map(OsString::from).collect()) {
        assert!(!error.to_string().is_empty());
    }
    if let Ok(size) = crate::parse_size(&text) {
        assert_eq!(crate::parse_size(&size.to_string()).ok(), Some(size), "{text}");
    }
}

fn check(changeset: &Changeset, registry: &Registry) {
    let json = registry.render("json", changeset).expect("JSON");
    assert_eq!(Changeset::from_json(&json).as_ref().ok(), Some(changeset));
    let report = registry.render("markdown", changeset).expect("Markdown");
    assert!(report.chars().all(|c| c == '\n' || !c.is_control()), "{report:?}");
}

/// Check that the numbers of rows are those before, without the removed and with the added ones.
fn check_rows(node: &Node) {
    node.children.iter().for_each(check_rows);
    let Some(shape) = node.shape else { return };
    let count = |verb: &str| {
        let facts = node.facts.iter().filter(|fact| fact.verb == verb);
        facts.filter_map(|fact| fact.count).sum::<u64>()
    };
    if let (Some(before), Some(after)) = (shape.rows_before, shape.rows_after) {
        assert_eq!(before + count("rows.added"), after + count("rows.removed"), "{node:?}");
    }
}

fn write(path: &Path, content: &[u8]) {
    let parent = path.parent().expect("a directory");
    fs::create_dir_all(parent).and_then(|()| fs::write(path, content)).expect("the directory is writable");
}

/// A temporary directory, which is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(env::temp_dir().join(format!("binoc-fuzzing-{}-{count}", std::process::id())))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
