//! Compares delimited text by columns, rows and cells.

mod columns;
mod read;
mod rows;

use binoc_sdk::{Comparator, ComparatorInfo, CompareRequest, Example, Fact, Node, Outcome, Result, show};

use crate::text;
use columns::Columns;
use read::Grid;
use rows::{Common, Rows};

pub(crate) struct Table;

impl Comparator for Table {
    fn describe(&self) -> ComparatorInfo {
        let extensions = ["csv", "tsv", "tab", "psv"].map(String::from).to_vec();
        ComparatorInfo { name: "table".into(), extensions, ..ComparatorInfo::default() }
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let (left, right) = match (text::load(&request.left, request)?, text::load(&request.right, request)?)
        {
            (Ok(left), Ok(right)) => (left, right),
            (Err(reason), _) | (_, Err(reason)) => return Ok(Outcome::Skipped { reason: Some(reason) }),
        };
        if left.contains(&0) || right.contains(&0) {
            let reason = "it holds zero bytes, so it is not a table in a known encoding".to_owned();
            return Ok(Outcome::Skipped { reason: Some(reason) });
        }
        let mut node = Node::new("changed", "table", "");
        for fact in text::encoding_facts(&left, &right) {
            node.push("encoding", fact);
        }
        if std::str::from_utf8(&left).is_err() || std::str::from_utf8(&right).is_err() {
            node.push("encoding", text::not_utf8());
        }
        let default = match request.path.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => b',',
            Some("psv") => b'|',
            _ => b'\t',
        };
        let (a, b) = (read::delimiter(&left, default), read::delimiter(&right, default));
        let (old, new) = (Grid::read(&left, a)?, Grid::read(&right, b)?);
        drop((left, right));
        if a != b {
            let example = Example::change(char::from(a), char::from(b));
            node.push("encoding", Fact::new("encoding.delimiter", "delimiter changed").with([example]));
        }
        compare(&mut node, &old, &new, request);
        if node.facts.is_empty() {
            node.push("encoding", Fact::new("encoding.quoting", "same table, written differently"));
        }
        Ok(Outcome::changed(node))
    }
}

fn compare(node: &mut Node, old: &Grid, new: &Grid, request: &CompareRequest) {
    let limit = request.options.examples;
    let mut columns = columns::match_names(old, new);
    let (rows, key_failed) = match declared_key(old, &columns.common, &request.options.key) {
        None => (rows::match_rows(old, new, &columns.common), false),
        Some(Some(rows)) if rows.iter().len() > 0 => match rows::by_key(old, new, &rows) {
            Some(rows) => (rows, false),
            None => (rows::match_rows(old, new, &columns.common), true),
        },
        Some(_) => (rows::match_rows(old, new, &columns.common), true),
    };
    columns.find_renames(old, new, &rows.pairs);
    for fact in column_facts(old, new, &columns, limit) {
        node.push("schema", fact);
    }
    if columns.common.is_empty() && columns.renamed.is_empty() {
        // Positions are no identity: without a common column nothing can be said about single rows.
        if old.len() + new.len() > 0 {
            let text = format!(
                "no column in common: {} before, {} after, not compared",
                old.len(),
                show::plural(new.len() as u64, "row")
            );
            node.push("content", Fact::new("rows.not-comparable", text));
        }
        return;
    }
    if key_failed {
        let text = "the key asked for is missing, empty or repeated; rows matched without it";
        let key = request.options.key.join(", ");
        node.push("content", Fact::new("rows.key-unusable", text).with([Example::value(key)]));
    }
    let facts = row_facts(old, new, &columns, &rows, limit);
    if !rows.key.is_empty() && !facts.is_empty() {
        let declared = if request.options.key.is_empty() || key_failed { "found" } else { "asked for" };
        let names: Vec<_> = rows.key.iter().map(|column| old.column_text(column.0)).collect();
        let fact = Fact::new("rows.matched-by-key", format!("rows matched by key ({declared})"));
        node.push("content", fact.with([Example::value(names.join(", "))]));
    }
    for (tag, fact) in facts {
        node.push(tag, fact);
    }
}

/// `None`: none was asked for. `Some(None)`: a column of it is missing.
fn declared_key(old: &Grid, common: &[Common], key: &[String]) -> Option<Option<Vec<Common>>> {
    let find = |name: &String| common.iter().find(|c| old.columns[c.0].name == name.as_bytes()).copied();
    (!key.is_empty()).then(|| key.iter().map(find).collect())
}

fn column_facts(old: &Grid, new: &Grid, columns: &Columns, limit: usize) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut tell = |verb, state, count: usize, examples: Vec<Example>| {
        if count > 0 {
            facts.push(
                Fact::counted(verb, count as u64, "column", state).with(examples.into_iter().take(limit)),
            );
        }
    };
    let named = |grid: &Grid, places: &[usize]| -> Vec<Example> {
        places.iter().take(limit).map(|place| Example::value(grid.column_text(*place))).collect()
    };
    tell("columns.removed", "removed", columns.removed.len(), named(old, &columns.removed));
    tell("columns.added", "added", columns.added.len(), named(new, &columns.added));
    let renamed = columns.renamed.iter().take(limit);
    let renamed = renamed.map(|(a, b)| Example::change(old.column_text(*a), new.column_text(*b))).collect();
    tell("columns.renamed", "renamed", columns.renamed.len(), renamed);
    let moved = columns.moved();
    tell("columns.reordered", "moved to another place", moved.len(), named(old, &moved));
    facts
}

fn row_facts(
    old: &Grid,
    new: &Grid,
    columns: &Columns,
    rows: &Rows,
    limit: usize,
) -> Vec<(&'static str, Fact)> {
    let (removed, added) = rows::unmatched(rows, old, new);
    let listed = |grid: &Grid, places: &[usize]| -> Vec<Example> {
        let example = |row: &usize| Example {
            at: Some(format!("row {}", row + 1)),
            ..Example::value(grid.row_text(*row))
        };
        places.iter().take(limit).map(example).collect()
    };
    let mut facts = Vec::new();
    let mut tell = |tag, verb, noun, state, count: usize, examples: Vec<Example>| {
        if count > 0 {
            facts.push((tag, Fact::counted(verb, count as u64, noun, state).with(examples)));
        }
    };
    tell("content", "rows.removed", "row", "removed", removed.len(), listed(old, &removed));
    tell("content", "rows.added", "row", "added", added.len(), listed(new, &added));
    let moved: Vec<usize> = rows.moved.iter().take(limit).map(|place| rows.pairs[*place].0).collect();
    tell("order", "rows.reordered", "row", "moved to another place", rows.moved.len(), listed(old, &moved));
    let (mut cells, mut changed_rows, mut examples) = (0, 0, Vec::new());
    for (a, b) in &rows.pairs {
        let before = cells;
        for (l, r) in &columns.common {
            let (x, y) = (old.cell(*a, *l), new.cell(*b, *r));
            if x != y {
                cells += 1;
                if examples.len() < limit {
                    examples.push(cell_example(old, rows, *a, *l, x, y));
                }
            }
        }
        changed_rows += u64::from(cells > before);
    }
    let state = format!("changed in {}", show::plural(changed_rows, "row"));
    tell("content", "cells.changed", "cell", &state, cells, examples);
    facts
}

fn cell_example(grid: &Grid, rows: &Rows, row: usize, column: usize, old: &[u8], new: &[u8]) -> Example {
    let (old, new) = show::clip_pair(&show::bytes(old), &show::bytes(new));
    let key: Vec<_> = rows.key.iter().map(|c| show::clip(&show::bytes(grid.cell(row, c.0)))).collect();
    let (at, key) =
        if key.is_empty() { (Some(format!("row {}", row + 1)), None) } else { (None, Some(key.join(", "))) };
    Example { at, key, column: Some(grid.column_text(column)), ..Example::change(old, new) }
}

#[cfg(test)]
mod tests;
