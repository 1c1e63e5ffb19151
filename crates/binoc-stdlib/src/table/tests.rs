use super::*;
use crate::align;
use std::collections::HashMap;

fn options(key: &[&str]) -> CompareRequest {
    let side = binoc_sdk::Side::new("unused", 0);
    let mut options = binoc_sdk::CompareOptions::default();
    options.key = key.iter().map(|name| (*name).to_owned()).collect();
    CompareRequest::new("t.csv", side.clone(), side).with_options(options)
}

fn facts_with_key(old: &str, new: &str, key: &[&str]) -> Vec<String> {
    let grid = |text: &str| Grid::read(text.as_bytes(), b',').unwrap();
    let mut node = Node::new("changed", "table", "t.csv");
    compare(&mut node, &grid(old), &grid(new), &options(key));
    node.facts.into_iter().map(|fact| fact.text).collect()
}

fn facts(old: &str, new: &str) -> Vec<String> {
    facts_with_key(old, new, &[])
}

const KEY: &str = "rows matched by key (found)";

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
    assert_eq!(facts(a, "x,y\n2,2\n1,1\n1,2\n2,1\n"), ["1 row moved to another place"]);
    assert_eq!(facts(a, "x,y\n1,1\n1,2\n2,2\n"), ["1 row removed"]);
}

#[test]
fn repeated_rows_are_counted() {
    assert_eq!(facts("v\nx\ny\nx\n", "v\ny\nx\n"), ["1 row removed"]);
    assert_eq!(facts("v\nx\nx\n", "v\nx\nx\nx\n"), ["1 row added"]);
}

#[test]
fn edit_without_key_is_a_changed_cell_if_unambiguous() {
    let a = "x,y,z\n1,1,1\n1,1,2\n2,1,1\n2,2,2\n";
    let edited = "x,y,z\n1,1,1\n1,1,2\n2,1,1\n2,2,9\n";
    assert_eq!(facts(a, edited), ["1 cell changed in 1 row"]);
    // An edit in another column.
    assert_eq!(facts(a, "x,y,z\n1,1,1\n1,1,2\n2,1,1\n2,8,2\n"), ["1 cell changed in 1 row"]);
}

#[test]
fn rows_without_common_cells_are_removed_and_added() {
    let a = "x,y\n1,1\n1,1\n5,6\n";
    assert_eq!(facts(a, "x,y\n1,1\n1,1\n7,8\n"), ["1 row removed", "1 row added"]);
}

#[test]
fn requested_key_is_used_and_an_unusable_one_is_reported() {
    let (a, b) = ("k,v\na,1\nb,2\n", "k,v\nb,2\na,3\n");
    let matched = "rows matched by key (requested)";
    assert_eq!(
        facts_with_key(a, b, &["k"]),
        [matched, "1 row moved to another place", "1 cell changed in 1 row"]
    );
    let failed = "the requested key is missing, empty or repeated; rows matched without it";
    assert_eq!(facts_with_key(a, b, &["nope"])[0], failed);
    assert_eq!(facts_with_key("k,v\na,1\na,2\n", "k,v\na,1\n", &["k"]), [failed, KEY, "1 row removed"]);
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

/// Compare random small tables with a model that only counts rows.
#[test]
fn counts_of_rows_agree_with_a_model() {
    for seed in 1..2_000 {
        let mut random = align::tests::random(seed);
        let mut table = |limit: u64| -> Vec<[u8; 2]> {
            (0..random(limit)).map(|_| [b'a' + random(3) as u8, b'a' + random(4) as u8]).collect()
        };
        let (old, new) = (table(9), table(9));
        let write = |rows: &[[u8; 2]]| {
            let lines = rows.iter().map(|row| format!("{},{}\n", row[0] as char, row[1] as char));
            format!("x,y\n{}", lines.collect::<String>())
        };
        let (left, right) = (write(&old), write(&new));
        let grid = |text: &str| Grid::read(text.as_bytes(), b',').unwrap();
        let (left, right) = (grid(&left), grid(&right));
        let rows = rows::match_rows(&left, &right, &[(0, 0), (1, 1)]);
        let (removed, added) = rows::unmatched(&rows, &left, &right);
        assert_eq!(old.len() - removed.len(), new.len() - added.len(), "one to one");
        assert_eq!(old.len() - removed.len(), rows.pairs.len());
        let same = rows.pairs.iter().filter(|pair| old[pair.0] == new[pair.1]).count();
        let mut counts: HashMap<[u8; 2], (usize, usize)> = HashMap::new();
        old.iter().for_each(|row| counts.entry(*row).or_default().0 += 1);
        new.iter().for_each(|row| counts.entry(*row).or_default().1 += 1);
        let both: usize = counts.values().map(|count| count.0.min(count.1)).sum();
        if rows.key.is_empty() {
            // Every row that both tables have is matched.
            assert_eq!(same, both, "seed {seed}: {old:?} {new:?}");
        }
        // The rows that did not move are in order.
        let stayed = (0..rows.pairs.len()).filter(|place| !rows.moved.contains(place));
        let order: Vec<_> = stayed.map(|place| rows.pairs[place].1).collect();
        assert!(order.is_sorted_by(|one, next| one < next));
    }
}
