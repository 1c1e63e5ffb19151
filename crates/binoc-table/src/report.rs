//! The facts about two tables, in words.

use binoc_sdk::{ColumnCount, Diagnostic, Example, Fact, Node, Result, Severity, Shape, show};

use crate::columns::Columns;
use crate::compare::{self, Choice, Comparison, How, KeyOrigin, Settings};
use crate::keys::{Flaws, Key};
use crate::order::Moved;
use crate::source::Table;
use crate::tally::{Tally, column_name};

/// Add the facts about the differences of two tables to a node, and return messages about the comparison.
///
/// Nothing is added if the tables have the same columns and rows in the same order.
///
/// # Errors
/// A table cannot be read, or a temporary file cannot be written.
pub fn compare(
    node: &mut Node,
    old: &dyn Table,
    new: &dyn Table,
    settings: &Settings,
) -> Result<Vec<Diagnostic>> {
    let comparison = compare::run([old, new], settings)?;
    let mut report = Report { node, tables: [old, new], settings, diagnostics: Vec::new() };
    report.write(comparison);
    Ok(report.diagnostics)
}

struct Report<'a> {
    node: &'a mut Node,
    tables: [&'a dyn Table; 2],
    settings: &'a Settings,
    diagnostics: Vec<Diagnostic>,
}

impl Report<'_> {
    fn write(&mut self, comparison: Comparison) {
        let widths = self.tables.map(|table| table.columns().len() as u64);
        let [before, after] = [0, 1].map(|side| Some((comparison.rows[side], widths[side])));
        self.node.shape = Some(Shape::new(before, after));
        self.columns(&comparison);
        if comparison.columns.common.is_empty() {
            self.without_columns(comparison.rows, widths);
            return;
        }
        let known = self.node.facts.len();
        let Comparison { rows, matched, choice, tally, moved, columns } = comparison;
        // The definition of a table can name a column that was removed.
        if let Some(why) = choice.unusable.filter(|_| self.settings.origin == KeyOrigin::Requested) {
            let text = format!("the requested key is not used, because {why}");
            let fact = Fact::new("rows.key-unusable", text);
            self.push("content", fact.with_examples([Example::value(self.settings.key.join(", "))]));
            self.diagnostics.push(Diagnostic::general(
                Severity::Warning,
                format!("the requested key is not used, because {why}; name columns that identify each row"),
            ));
        }
        let place = self.node.facts.len();
        let agreement = agreement(&choice.how, &columns, &tally, matched);
        let names: Vec<usize> = columns.common.iter().map(|pair| pair.new).collect();
        self.rows(tally, &names, rows, moved, matched);
        if self.node.facts.len() > known {
            let why = self.how(&choice, rows, matched, agreement);
            let order: Vec<Fact> = why.into_iter().collect();
            self.node.tags.insert("content".into());
            for (offset, fact) in order.into_iter().enumerate() {
                self.node.facts.insert(place + offset, fact);
            }
        }
    }

    fn push(&mut self, tag: &str, fact: Fact) {
        self.node.push(tag, fact);
    }

    /// Report columns that were removed, added, renamed or moved.
    fn columns(&mut self, comparison: &Comparison) {
        let limit = self.settings.examples;
        let [old, new] = self.tables;
        let columns = &comparison.columns;
        let mut add = |verb: &str, state: &str, count: usize, examples: Vec<Example>| {
            if count > 0 {
                let fact = Fact::counted(verb, count as u64, "column", state);
                self.node.push("schema", fact.with_examples(examples));
            }
        };
        let named = |table: &dyn Table, places: &[usize]| -> Vec<Example> {
            places.iter().take(limit).map(|place| Example::value(column_name(table, *place))).collect()
        };
        add("columns.removed", "removed", columns.removed.len(), named(old, &columns.removed));
        add("columns.added", "added", columns.added.len(), named(new, &columns.added));
        let renamed = columns.renamed.iter().take(limit).map(|pair| {
            let example = Example::change(column_name(old, pair.old), column_name(new, pair.new));
            let place = columns.common.iter().position(|other| other == pair);
            let changed = place.map_or(0, |place| comparison.tally.by_column[place]);
            if changed == 0 {
                return example;
            }
            let same = comparison.matched - changed;
            example.with_at(format!("{same} of {} the same", show::plural(comparison.matched, "cell")))
        });
        add("columns.renamed", "renamed", columns.renamed.len(), renamed.collect());
        let moved = columns.moved();
        add("columns.reordered", "moved to another place", moved.len(), named(old, &moved));
    }

    /// Report the rows of tables without a common column.
    fn without_columns(&mut self, rows: [u64; 2], widths: [u64; 2]) {
        // Rows of a table that had none before, or has none any more.
        for (side, state) in [(0, "removed"), (1, "added")] {
            if widths[1 - side] == 0 && rows[side] > 0 {
                self.push("content", Fact::counted(&format!("rows.{state}"), rows[side], "row", state));
            }
        }
        if !widths.contains(&0) && rows.iter().any(|rows| *rows > 0) {
            let [before, after] = [rows[0].to_string(), show::plural(rows[1], "row")];
            let text = format!("no column in common: {before} before, {after} after, not compared");
            self.push("content", Fact::new("rows.not-comparable", text.clone()));
            self.diagnostics.push(Diagnostic::general(Severity::Error, text));
        }
    }

    /// Report removed and added rows and changed cells.
    fn rows(
        &mut self,
        tally: Tally,
        names: &[usize],
        rows: [u64; 2],
        moved: Option<(Moved, Vec<Example>)>,
        matched: u64,
    ) {
        let Tally { changed_rows, by_column, cells, rewritten, beyond, removed, added } = tally;
        let all = |count: u64, total: u64| if count == total && !rows.contains(&0) { "all " } else { "" };
        for (verb, state, lines, total) in
            [("rows.removed", "removed", removed, rows[0]), ("rows.added", "added", added, rows[1])]
        {
            if lines.count > 0 {
                let mut fact = Fact::counted(verb, lines.count, "row", state);
                if lines.count > 1 {
                    fact.text.insert_str(0, all(lines.count, total));
                }
                self.push("content", fact.with_examples(lines.into_items()));
            }
        }
        self.order(moved, matched);
        if cells.count > 0 {
            let state = format!("changed in {}", show::plural(changed_rows, "row"));
            let fact = Fact::counted("cells.changed", cells.count, "cell", &state);
            let by_column = by_column.iter().zip(names).filter(|(count, _)| **count > 0);
            let by_column =
                by_column.map(|(count, place)| ColumnCount::new(column_name(self.tables[1], *place), *count));
            let fact = fact.with_columns(by_column).with_examples(cells.into_items());
            self.push("content", fact);
        }
        if rewritten.count > 0 {
            let text = format!(
                "{} of the key written differently, the same as a number",
                show::plural(rewritten.count, "value")
            );
            let fact = Fact::new("key.rewritten", text).with_count(rewritten.count);
            self.push("encoding", fact.with_examples(rewritten.into_items()));
        }
        for (state, cells) in ["removed", "added", "changed"].into_iter().zip(beyond) {
            if cells.count > 0 {
                let verb = format!("cells.beyond-header-{state}");
                let fact = Fact::counted(&verb, cells.count, "cell", &format!("{state} beyond the header"));
                self.push("content", fact.with_examples(cells.into_items()));
            }
        }
    }

    /// Report rows in another order.
    fn order(&mut self, moved: Option<(Moved, Vec<Example>)>, matched: u64) {
        match moved {
            None => {
                let text = "too many rows changed or moved to compare their order";
                self.push("order", Fact::new("rows.order-unknown", text));
            }
            Some((moved, _)) if !self.settings.ordered => {
                if moved.rows > 0 {
                    self.push("order", Fact::new("rows.reordered", "rows stored in another order"));
                }
            }
            Some((moved, _)) if moved.reversed => {
                let text = format!("all {} in reverse order", show::plural(matched, "row"));
                self.push("order", Fact::new("rows.reordered", text).with_count(matched));
            }
            Some((moved, rows)) if moved.rows > 0 => {
                let state = "moved to another place";
                let mut fact = Fact::counted("rows.reordered", moved.rows, "row", state);
                if moved.at_most {
                    fact.text.insert_str(0, "at most ");
                }
                self.push("order", fact.with_examples(rows));
            }
            Some(_) => {}
        }
    }

    /// State how the rows were matched, and why.
    fn how(&self, choice: &Choice, rows: [u64; 2], matched: u64, agreement: Option<u64>) -> Vec<Fact> {
        let names = |key: &Key| {
            let names = key.columns.iter().map(|pair| column_name(self.tables[1], pair.new));
            Example::value(show::clip(&names.collect::<Vec<_>>().join(", ")))
        };
        let mut facts = Vec::new();
        match &choice.how {
            How::Key { key, inferred, flaws } => {
                let origin = match (inferred, self.settings.origin) {
                    (true, _) => "key (found)",
                    (false, KeyOrigin::Requested) => "key (requested)",
                    (false, KeyOrigin::Declared) => "primary key",
                };
                let numbers = if key.numeric { ", its values compared as numbers" } else { "" };
                let fact = Fact::new("rows.matched-by-key", format!("rows matched by {origin}{numbers}"));
                facts.push(fact.with_examples([names(key)]));
                if *inferred {
                    let unique =
                        if flaws.iter().all(|flaws| flaws.is_none()) { "unique" } else { "almost unique" };
                    let agree = agreement
                        .map(|percent| format!("; {percent} % of the other cells of matched rows agree"));
                    let text = format!("the key is {unique} in both versions{}", agree.unwrap_or_default());
                    facts.push(Fact::new("rows.key-evidence", text));
                }
                facts.extend(flaws_fact(flaws));
            }
            How::Content { near } => {
                let near = if *near { "" } else { "; too many changed rows to search for edited cells" };
                let text = format!("rows matched by content: no key found{near}");
                facts.push(Fact::new("rows.matched-by-content", text));
            }
        }
        if matched == 0 && rows.iter().all(|rows| *rows > 0) {
            let text = "no row in common: perhaps another group of records, or another edition";
            let fact = Fact::new("rows.none-in-common", text);
            facts.push(fact);
            if let Some(key) = &choice.disjoint {
                let fact = Fact::new(
                    "rows.no-value-in-common",
                    "no value in common in the column that identifies the rows",
                );
                facts.push(fact.with_examples([names(key)]));
            }
        }
        facts
    }
}

/// Return the part of the cells outside of the key that agree in matched rows, in percent, rounded down.
fn agreement(how: &How, columns: &Columns, tally: &Tally, matched: u64) -> Option<u64> {
    let How::Key { key, .. } = how else { return None };
    let counts = columns.common.iter().zip(&tally.by_column);
    let outside: Vec<u64> =
        counts.filter(|(pair, _)| !key.columns.contains(pair)).map(|(_, count)| *count).collect();
    let cells = u128::from(matched) * outside.len() as u128;
    let changed = u128::from(outside.iter().sum::<u64>());
    (100 * (cells - changed)).checked_div(cells).map(|percent| percent as u64)
}

/// State how many rows have no unique value of the key.
fn flaws_fact(flaws: &[Flaws; 2]) -> Option<Fact> {
    if flaws.iter().all(|flaws| flaws.is_none()) {
        return None;
    }
    let [missing, repeated] =
        [|it: &Flaws| it.missing, |it: &Flaws| it.repeated].map(|of| flaws.each_ref().map(of));
    let mut parts = Vec::new();
    for (what, [before, after]) in [("no value of the key", missing), ("a repeated value", repeated)] {
        if before + after > 0 {
            let [before, after] = [before, after].map(|rows| show::plural(rows, "row"));
            parts.push(format!("{what} in {before} before and {after} after"));
        }
    }
    Some(Fact::new("rows.key-flawed", parts.join("; ")))
}
