//! Tests that load the plugin as a shared library, as Binoc does.

// Failures of the setup may panic.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::{env, fs};

use binoc_core::{Limits, PluginSource, Registry};
use binoc_sdk::{Changeset, CompareOptions, Severity};

/// Return the path of the `cdylib`, which Cargo builds next to the test.
fn library() -> PathBuf {
    let name = format!("{}binoc_row_reorder{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let test = env::current_exe().unwrap();
    let directories = test.ancestors().skip(1).take(2);
    let path = directories.map(|directory| directory.join(&name)).find(|path| path.exists());
    path.unwrap_or_else(|| panic!("no `{name}` near `{}`", test.display()))
}

fn registry() -> Registry {
    Registry::new(binoc_stdlib::plugin(), &[PluginSource::path(library())])
}

fn diff(test: &str, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Changeset {
    let root = env::temp_dir().join(format!("binoc-row-reorder-{}-{test}", std::process::id()));
    let write = |side: &str, content: &[u8]| {
        fs::create_dir_all(root.join(side)).unwrap();
        fs::write(root.join(side).join("t.csv"), content).unwrap();
        root.join(side)
    };
    let changeset = compare(&write("a", old.as_ref()), &write("b", new.as_ref()));
    fs::remove_dir_all(root).unwrap();
    changeset
}

fn compare(old: &Path, new: &Path) -> Changeset {
    binoc_core::diff(old, new, &registry(), &CompareOptions::default(), &Limits::default()).unwrap()
}

#[test]
fn plugin_has_a_comparator_and_a_renderer() {
    let registry = registry();
    let [report] = registry.reports() else { panic!("one plugin") };
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        report.identity.as_deref(),
        Some(&*format!("row-reorder {version}, built with binoc-sdk {version}"))
    );
    assert_eq!(report.offers, ["comparator `row-order` (.csv, .tsv)", "renderer `paths` (.paths)"]);
    assert!(report.refusals.is_empty());
}

#[test]
fn new_order_is_reported_with_its_column() {
    let changeset = diff("sorted", "n,v\nc,1\na,2\nb,3\n", "n,v\na,2\nb,3\nc,1\n");
    let node = &changeset.changes[0];
    assert_eq!(node.comparator.as_deref(), Some("row-order"));
    let texts: Vec<_> = node.facts.iter().map(|fact| fact.text.as_str()).collect();
    assert_eq!(texts, ["the same rows in another order", "now sorted by column"]);
    assert_eq!(node.facts[1].examples[0].value.as_deref(), Some("n"));
    assert_eq!(registry().render("paths", &changeset).unwrap(), "changed\tt.csv\n");
}

#[test]
fn other_changes_are_skipped() {
    let changeset = diff("edited", "n,v\nc,1\na,2\n", "n,v\na,2\nc,9\n");
    assert_eq!(changeset.changes[0].comparator.as_deref(), Some("table"));
    assert!(changeset.diagnostics.is_empty());
}

#[test]
fn invalid_utf8_is_skipped_with_a_reason() {
    let rows = |rows: &[&[u8]]| [b"n,v\n", rows.concat().as_slice()].concat();
    let rows_before: [&[u8]; 2] = [b"caf\xe9,1\n", b"a,2\n"];
    let rows_after: [&[u8]; 2] = [b"a,2\n", b"caf\xe9,1\n"];
    let changeset = diff("latin-1", rows(&rows_before), rows(&rows_after));
    assert_eq!(changeset.changes[0].comparator.as_deref(), Some("table"));
    let [note] = &changeset.diagnostics[..] else { panic!("{:?}", changeset.diagnostics) };
    assert_eq!((note.severity, note.path.as_deref()), (Severity::Note, Some("t.csv")));
    assert_eq!(note.message, "not compared by `row-order`: not UTF-8");
}
