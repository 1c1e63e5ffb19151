use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Compare two files and return the texts of the facts, without the evidence for a key.
fn facts_with_key(old: &str, new: &str, key: &[&str]) -> Vec<String> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("binoc-table-{}-{number}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let side = |name: &str, text: &str| {
        std::fs::write(directory.join(name), text).unwrap();
        Side::new(directory.join(name), text.len() as u64)
    };
    let mut options = binoc_sdk::CompareOptions::default();
    options.key = key.iter().map(|name| (*name).to_owned()).collect();
    let request = CompareRequest::new("t.csv", side("a", old), side("b", new)).with_options(options);
    let outcome = Table.compare(&request);
    std::fs::remove_dir_all(directory).unwrap();
    let Ok(Outcome::Changed { node, .. }) = outcome else { panic!("{outcome:?}") };
    let facts = node.facts.into_iter().filter(|fact| fact.verb != "rows.key-evidence");
    facts.map(|fact| fact.text).collect()
}

fn facts(old: &str, new: &str) -> Vec<String> {
    facts_with_key(old, new, &[])
}

const KEY: &str = "rows matched by key (found)";
const CONTENT: &str = "rows matched by content: no key found";

#[test]
fn inserted_row_is_one_added_row() {
    let a = "id,name\n1,a\n2,b\n3,c\n";
    assert_eq!(facts(a, "id,name\n1,a\n9,x\n2,b\n3,c\n"), [KEY, "1 row added"]);
}

#[test]
fn inserted_row_with_renumbering_does_not_edit_all_rows() {
    let a = "n,name,city\n1,ann,rome\n2,bob,oslo\n3,cid,bern\n4,dan,kyiv\n5,eve,lima\n";
    let b = "n,name,city\n1,ann,rome\n2,zoe,bonn\n3,bob,oslo\n4,cid,bern\n5,dan,kyiv\n6,eve,lima\n";
    // `name` identifies the rows; matching by `n` would report eight edited cells.
    assert_eq!(facts(a, b), [KEY, "1 row added", "4 cells changed in 4 rows"]);
}

#[test]
fn rows_without_a_key_are_matched_by_content() {
    let a = "x,y\n1,1\n1,2\n2,1\n2,2\n";
    assert_eq!(facts(a, "x,y\n2,2\n1,1\n1,2\n2,1\n"), [CONTENT, "1 row moved to another place"]);
    assert_eq!(facts(a, "x,y\n1,1\n1,2\n2,2\n"), [CONTENT, "1 row removed"]);
}

#[test]
fn repeated_rows_are_counted() {
    assert_eq!(facts("v\nx\ny\nx\n", "v\ny\nx\n"), [CONTENT, "1 row removed"]);
    assert_eq!(facts("v\nx\nx\n", "v\nx\nx\nx\n"), [CONTENT, "1 row added"]);
}

#[test]
fn edit_without_key_is_a_changed_cell_if_unambiguous() {
    let a = "x,y,z\n1,1,1\n1,1,2\n2,1,1\n2,2,2\n";
    for b in ["x,y,z\n1,1,1\n1,1,2\n2,1,1\n2,2,9\n", "x,y,z\n1,1,1\n1,1,2\n2,1,1\n2,8,2\n"] {
        assert_eq!(facts(a, b)[1..], ["1 cell changed in 1 row"]);
    }
}

#[test]
fn rows_without_common_cells_are_removed_and_added() {
    let a = "x,y\n1,1\n1,1\n5,6\n";
    assert_eq!(facts(a, "x,y\n1,1\n1,1\n7,8\n"), [CONTENT, "1 row removed", "1 row added"]);
}

#[test]
fn requested_key_is_used_and_an_unusable_one_is_reported() {
    let (a, b) = ("k,v\na,1\nb,2\n", "k,v\nb,2\na,3\n");
    let matched = "rows matched by key (requested)";
    assert_eq!(
        facts_with_key(a, b, &["k"]),
        [matched, "1 row moved to another place", "1 cell changed in 1 row"]
    );
    let failed = "the requested key is not used, because";
    assert!(facts_with_key(a, b, &["nope"])[0].starts_with(failed));
    let repeated = facts_with_key("k,v\na,1\na,2\n", "k,v\na,1\n", &["k"]);
    assert!(repeated[0].starts_with(failed));
    assert_eq!(repeated[1..], [CONTENT, "1 row removed"]);
}

#[test]
fn composite_key_identifies_rows() {
    let (a, b) = ("y,q,v\n1,1,7\n1,2,7\n2,1,7\n", "y,q,v\n2,1,7\n1,1,7\n1,2,8\n");
    let facts = facts_with_key(a, b, &["y", "q"]);
    assert_eq!(facts[1..], ["1 row moved to another place", "1 cell changed in 1 row"]);
}

#[test]
fn ambiguous_renames_of_columns_are_not_reported() {
    assert_eq!(facts("id,a\n1,x\n2,y\n", "id,b\n1,x\n2,y\n"), ["1 column renamed"]);
    // All cells are equal, so `b` can be another column.
    assert_eq!(facts("id,a\n1,0\n2,0\n", "id,b\n1,0\n2,0\n"), ["1 column removed", "1 column added"]);
    // Two candidates.
    let two = facts("id,a\n1,x\n2,y\n", "id,b,c\n1,x,x\n2,y,y\n");
    assert_eq!(two, ["1 column removed", "2 columns added"]);
}

#[test]
fn all_columns_can_be_renamed() {
    assert_eq!(facts("a,b\n1,x\n2,y\n", "c,d\n1,x\n2,y\n"), ["2 columns renamed"]);
}

#[test]
fn rows_without_a_common_column_are_not_compared() {
    let facts = facts("a\n1\n2\n", "b\n3\n4\n");
    assert_eq!(facts[2], "no column in common: 2 before, 2 rows after, not compared");
}

#[test]
fn moved_column_does_not_change_cells() {
    assert_eq!(facts("a,b,c\n1,2,3\n4,5,6\n", "c,a,b\n3,1,2\n6,4,5\n"), ["1 column moved to another place"]);
}

#[test]
fn cells_beyond_the_header_are_compared() {
    assert_eq!(facts("id\n1,x\n2,y\n", "id\n1,x\n2,z\n"), [KEY, "1 cell changed in 1 row"]);
}
