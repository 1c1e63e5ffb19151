//! Comparison of tables in delimited text (CSV, TSV) by columns, rows and cells.

pub(crate) mod delimited;
pub(crate) mod dialect;

use std::fs::File;
use std::io::Read;
use std::ops::Range;

use binoc_sdk::{
    Comparator, ComparatorInfo, CompareRequest, Diagnostic, Error, Fact, Node, Outcome, Result, Severity,
    Side, show,
};
use binoc_table::{KeyOrigin, Settings};

use crate::encoding::{self, Encoded, Survey};
use delimited::Delimited;
use dialect::Dialect;

/// The number of bytes that decide how a table is read.
const SAMPLE: u64 = 1 << 20;

pub(crate) struct Table;

impl Comparator for Table {
    fn describe(&self) -> ComparatorInfo {
        ComparatorInfo::new("table").with_extensions(["csv", "tsv", "tab", "psv"])
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let sides = [&request.left, &request.right];
        let mut detected = [Encoded::UTF8; 2];
        let mut surveys = [Survey::default(), Survey::default()];
        for (side, file) in sides.into_iter().enumerate() {
            let head = head(file, SAMPLE)?;
            if !encoding::is_text(&head, true) {
                return Ok(Outcome::skip_because("its content is not text"));
            }
            detected[side] = encoding::detect(&head);
            surveys[side].feed(&head);
            if (head.len() as u64) < SAMPLE {
                surveys[side].finish();
            }
        }
        let mut encodings = encoding::resolve((detected[0], &surveys[0]), (detected[1], &surveys[1]));
        loop {
            let comparison = Comparison { request, sides, encodings };
            let (node, diagnostics, new_surveys) = comparison.run()?;
            // The first bytes of the files do not show everything.
            for (side, survey) in
                new_surveys.into_iter().enumerate().filter(|(side, _)| !encodings[*side].is_decoded())
            {
                surveys[side] = survey;
            }
            let known = [0, 1]
                .map(|side| if encodings[side].is_decoded() { encodings[side] } else { detected[side] });
            let resolved = encoding::resolve((known[0], &surveys[0]), (known[1], &surveys[1]));
            if resolved == encodings {
                return Ok(Outcome::changed_with(node, diagnostics));
            }
            encodings = resolved;
        }
    }
}

fn head(side: &Side, bytes: u64) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let read = File::open(&side.local).and_then(|file| file.take(bytes).read_to_end(&mut head));
    read.map_err(|error| Error::io(&side.local, error))?;
    Ok(head)
}

/// The first decoded bytes of a file, and whether these are all.
struct Sample {
    text: Vec<u8>,
    complete: bool,
}

impl Sample {
    fn read(side: &Side, encoded: Encoded) -> Result<Self> {
        let mut text = Vec::new();
        let read = File::open(&side.local)
            .and_then(|file| encoding::decode(file, encoded)?.take(SAMPLE).read_to_end(&mut text));
        read.map_err(|error| Error::io(&side.local, error))?;
        let complete = (text.len() as u64) < SAMPLE;
        Ok(Self { text, complete })
    }

    fn as_pair(&self) -> (&[u8], bool) {
        (&self.text, self.complete)
    }
}

/// The comparison of two files in the given encodings.
struct Comparison<'a> {
    request: &'a CompareRequest,
    sides: [&'a Side; 2],
    encodings: [Encoded; 2],
}

impl Comparison<'_> {
    fn run(&self) -> Result<(Node, Vec<Diagnostic>, [Survey; 2])> {
        let extension = self.request.path.rsplit('.').next().map(str::to_ascii_lowercase);
        let default = match extension.as_deref() {
            Some("csv") => b',',
            Some("psv") => b'|',
            _ => b'\t',
        };
        let samples = [
            Sample::read(self.sides[0], self.encodings[0])?,
            Sample::read(self.sides[1], self.encodings[1])?,
        ];
        let dialects = dialect::detect_pair(samples[0].as_pair(), samples[1].as_pair(), default);
        let mut node = Node::new("changed", "table", "");
        let (diagnostics, mut surveys) = if dialects.iter().all(|dialect| dialect.tables.is_empty()) {
            let facts = dialect::facts(
                (&dialects[0], &samples[0].text),
                (&dialects[1], &samples[1].text),
                self.request.options.examples,
            );
            facts.into_iter().for_each(|fact| push_dialect(&mut node, fact));
            self.table(&mut node, &dialects, [0..u64::MAX, 0..u64::MAX], None)?
        } else {
            self.stacked(&mut node, &samples, &dialects, default)?
        };
        for (survey, dialect) in surveys.iter_mut().zip(&dialects) {
            survey.forget_endings(dialect.quoted_breaks);
        }
        let [old, new] = [0, 1].map(|side| (self.encodings[side], &surveys[side]));
        for (place, fact) in encoding::facts(old, new).into_iter().enumerate() {
            node.tags.insert("encoding".into());
            node.facts.insert(place, fact);
        }
        if node.facts.is_empty() && node.children.is_empty() {
            node.push("encoding", Fact::new("encoding.quoting", "same table, written differently"));
        }
        Ok((node, diagnostics, surveys))
    }

    /// Compare one table of each file, or of a part of each file.
    fn table(
        &self,
        node: &mut Node,
        dialects: &[Dialect; 2],
        bytes: [Range<u64>; 2],
        name: Option<&str>,
    ) -> Result<(Vec<Diagnostic>, [Survey; 2])> {
        let open = |side: usize| {
            Delimited::open(self.sides[side], self.encodings[side], &dialects[side], bytes[side].clone())
        };
        let tables = [open(0)?, open(1)?];
        let options = &self.request.options;
        let settings = Settings {
            key: options.key_of(&self.request.path, name).to_vec(),
            origin: KeyOrigin::Requested,
            ordered: true,
            examples: options.examples,
            memory: options.memory,
        };
        let mut diagnostics = binoc_table::compare(node, &tables[0], &tables[1], &settings)?;
        let mut surveys = [Survey::default(), Survey::default()];
        for (side, version) in [(0, "older"), (1, "newer")] {
            let Some(content) = tables[side].content() else { continue };
            surveys[side] = content.survey;
            if content.zeros > 0 {
                let zeros = show::plural(content.zeros, "NUL character");
                let text = format!("the {version} version holds {zeros}, which is unusual in text");
                diagnostics.push(Diagnostic::general(Severity::Note, text));
            }
            if let Some(cell) = content.unclosed_quote {
                let text = format!(
                    "{version} version: row {}, column `{}` holds {}: a quote may be unclosed (line {})",
                    cell.row + 1,
                    cell.column.replace('`', "'"),
                    show::plural(cell.breaks as u64, "line break"),
                    tables[side].line(&cell)?
                );
                diagnostics.push(Diagnostic::general(Severity::Warning, text));
            }
        }
        Ok((diagnostics, surveys))
    }

    /// Compare files with several tables that are divided by blank lines.
    fn stacked(
        &self,
        node: &mut Node,
        samples: &[Sample; 2],
        dialects: &[Dialect; 2],
        default: u8,
    ) -> Result<(Vec<Diagnostic>, [Survey; 2])> {
        let parts = [0, 1].map(|side| parts(&samples[side], &dialects[side]));
        let text =
            format!("{} before, {} after", parts[0].len(), show::plural(parts[1].len() as u64, "table"));
        let (mut diagnostics, mut surveys) = (Vec::new(), [Survey::default(), Survey::default()]);
        let mut pairs: Vec<(Option<usize>, Option<usize>)> = Vec::new();
        let mut free: Vec<usize> = (0..parts[1].len()).collect();
        // The header says which table it is; tables with equal headers are in the same order.
        for (place, part) in parts[0].iter().enumerate() {
            let counterpart = free.iter().position(|other| parts[1][*other].header == part.header);
            pairs.push((Some(place), counterpart.map(|index| free.remove(index))));
        }
        // A table whose header changed is the one that is left at its place.
        for pair in pairs.iter_mut().filter(|pair| pair.1.is_none()) {
            if let Some(index) = free.iter().position(|other| Some(*other) == pair.0) {
                pair.1 = Some(free.remove(index));
            }
        }
        pairs.extend(free.into_iter().map(|place| (None, Some(place))));
        let described = pairs.len();
        for pair in pairs {
            let (action, place) = match pair {
                (Some(_), Some(new)) => ("changed", new),
                (Some(old), None) => ("removed", old),
                (None, new) => ("added", new.unwrap_or(described)),
            };
            let name = format!("table {}", place + 1);
            let mut child = Node::new(action, "table", &name);
            if let (Some(old), Some(new)) = pair {
                let both = [(&parts[0][old], &samples[0]), (&parts[1][new], &samples[1])];
                let [old, new] =
                    both.map(|(part, sample)| (&sample.text[part.sampled.clone()], sample.complete));
                let dialects = dialect::detect_pair(old, new, default);
                let bytes = both.map(|(part, _)| part.bytes.clone());
                let (messages, part_surveys) = self.table(&mut child, &dialects, bytes, Some(&name))?;
                let named =
                    |it: Diagnostic| Diagnostic::general(it.severity, format!("{name}: {}", it.message));
                diagnostics.extend(messages.into_iter().map(named));
                for (survey, part) in surveys.iter_mut().zip(part_surveys) {
                    survey.add(&part);
                }
                if child.facts.is_empty() {
                    continue;
                }
            }
            node.tags.extend(child.tags.iter().cloned());
            node.children.push(child);
        }
        if parts[0].len() != parts[1].len() {
            node.push("schema", Fact::new("tables.counted", format!("stacked tables: {text}")));
        }
        Ok((diagnostics, surveys))
    }
}

/// Add a fact about the dialect: a change, or how the table was recognised.
fn push_dialect(node: &mut Node, fact: Fact) {
    match fact.verb.split('.').next() {
        Some("preamble") => node.push("content", fact),
        Some("header") => node.push("schema", fact),
        Some("encoding") => node.push("encoding", fact),
        _ => node.facts.push(fact),
    }
}

/// One of several tables in a file.
struct Part {
    /// Its bytes in the text.
    bytes: Range<u64>,
    /// Its bytes in the sample.
    sampled: Range<usize>,
    /// Its first line.
    header: Vec<u8>,
}

fn parts(sample: &Sample, dialect: &Dialect) -> Vec<Part> {
    let whole = 0..sample.text.len();
    let tables = if dialect.tables.is_empty() { std::slice::from_ref(&whole) } else { &dialect.tables };
    let part = |(place, sampled): (usize, &Range<usize>)| {
        let text = &sample.text[sampled.clone()];
        let end = if place + 1 == tables.len() { u64::MAX } else { sampled.end as u64 };
        let header = text.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty());
        Part {
            bytes: sampled.start as u64..end,
            sampled: sampled.clone(),
            header: header.unwrap_or_default().to_vec(),
        }
    };
    tables.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests;
