//! Comparison of tables (CSV, TSV) by columns, rows and cells.

mod columns;
pub(crate) mod dialect;
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
        ComparatorInfo::new("table").with_extensions(["csv", "tsv", "tab", "psv"])
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let (left, right) = match (text::load(&request.left, request)?, text::load(&request.right, request)?)
        {
            (Ok(left), Ok(right)) => (left, right),
            (Err(reason), _) | (_, Err(reason)) => return Ok(Outcome::skip_because(reason)),
        };
        if left.contains(&0) || right.contains(&0) {
            let reason = "contains zero bytes, so it is not a table in a supported encoding";
            return Ok(Outcome::skip_because(reason));
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
        let delimiters = [read::delimiter(&left, default), read::delimiter(&right, default)];
        let (old, new) = (Grid::read(&left, delimiters[0])?, Grid::read(&right, delimiters[1])?);
        drop((left, right));
        if delimiters[0] != delimiters[1] {
            let [before, after] = delimiters.map(char::from);
            let fact = Fact::new("encoding.delimiter", "delimiter changed");
            node.push("encoding", fact.with_examples([Example::change(before, after)]));
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
        // Rows are never matched by position, so without a common column they are not compared.
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
        let text = "the requested key is missing, empty or repeated; rows matched without it";
        let key = request.options.key.join(", ");
        node.push("content", Fact::new("rows.key-unusable", text).with_examples([Example::value(key)]));
    }
    let facts = row_facts(old, new, &columns, &rows, limit);
    if !rows.key.is_empty() && !facts.is_empty() {
        let declared = if request.options.key.is_empty() || key_failed { "found" } else { "requested" };
        let names: Vec<_> = rows.key.iter().map(|column| old.column_text(column.0)).collect();
        let fact = Fact::new("rows.matched-by-key", format!("rows matched by key ({declared})"));
        node.push("content", fact.with_examples([Example::value(names.join(", "))]));
    }
    for (tag, fact) in facts {
        node.push(tag, fact);
    }
}

/// Return the columns of the requested key: `None` if no key was requested, `Some(None)` if a column is missing.
fn declared_key(old: &Grid, common: &[Common], key: &[String]) -> Option<Option<Vec<Common>>> {
    let find =
        |name: &String| common.iter().find(|column| old.columns[column.0].name == name.as_bytes()).copied();
    (!key.is_empty()).then(|| key.iter().map(find).collect())
}

fn column_facts(old: &Grid, new: &Grid, columns: &Columns, limit: usize) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |verb, state, count: usize, examples: Vec<Example>| {
        if count > 0 {
            let fact = Fact::counted(verb, count as u64, "column", state);
            facts.push(fact.with_examples(examples.into_iter().take(limit)));
        }
    };
    let named = |grid: &Grid, places: &[usize]| -> Vec<Example> {
        places.iter().take(limit).map(|place| Example::value(grid.column_text(*place))).collect()
    };
    add("columns.removed", "removed", columns.removed.len(), named(old, &columns.removed));
    add("columns.added", "added", columns.added.len(), named(new, &columns.added));
    let renamed = columns.renamed.iter().take(limit);
    let renamed =
        renamed.map(|pair| Example::change(old.column_text(pair.0), new.column_text(pair.1))).collect();
    add("columns.renamed", "renamed", columns.renamed.len(), renamed);
    let moved = columns.moved();
    add("columns.reordered", "moved to another place", moved.len(), named(old, &moved));
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
        let example = |row: &usize| Example::value(grid.row_text(*row)).with_at(format!("row {}", row + 1));
        places.iter().take(limit).map(example).collect()
    };
    let mut facts = Vec::new();
    let mut add = |tag, verb, noun, state, count: usize, examples: Vec<Example>| {
        if count > 0 {
            facts.push((tag, Fact::counted(verb, count as u64, noun, state).with_examples(examples)));
        }
    };
    add("content", "rows.removed", "row", "removed", removed.len(), listed(old, &removed));
    add("content", "rows.added", "row", "added", added.len(), listed(new, &added));
    let moved: Vec<usize> = rows.moved.iter().take(limit).map(|place| rows.pairs[*place].0).collect();
    add("order", "rows.reordered", "row", "moved to another place", rows.moved.len(), listed(old, &moved));
    let (mut cells, mut changed_rows, mut examples) = (0, 0, Vec::new());
    for (old_row, new_row) in &rows.pairs {
        let before = cells;
        for (old_column, new_column) in &columns.common {
            let (old_cell, new_cell) = (old.cell(*old_row, *old_column), new.cell(*new_row, *new_column));
            if old_cell != new_cell {
                cells += 1;
                if examples.len() < limit {
                    examples.push(cell_example(old, rows, *old_row, *old_column, old_cell, new_cell));
                }
            }
        }
        changed_rows += u64::from(cells > before);
    }
    let state = format!("changed in {}", show::plural(changed_rows, "row"));
    add("content", "cells.changed", "cell", &state, cells, examples);
    facts
}

fn cell_example(grid: &Grid, rows: &Rows, row: usize, column: usize, old: &[u8], new: &[u8]) -> Example {
    let (old, new) = show::clip_pair(&show::bytes(old), &show::bytes(new));
    let key_cells = rows.key.iter().map(|column| grid.cell(row, column.0));
    let key: Vec<_> = key_cells.map(|cell| show::clip(&show::bytes(cell))).collect();
    let example = Example::change(old, new).with_column(grid.column_text(column));
    if key.is_empty() {
        example.with_at(format!("row {}", row + 1))
    } else {
        example.with_key(key.join(", "))
    }
}

#[cfg(test)]
mod tests;
