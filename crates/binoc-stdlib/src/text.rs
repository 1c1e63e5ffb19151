//! Comparison of text by lines, in bounded memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use binoc_sdk::format::{Format, FormatKind};
use binoc_sdk::{
    Comparator, ComparatorInfo, CompareRequest, Diagnostic, Error, Example, Fact, Node, Outcome, Result,
    Severity, Side, show,
};

use crate::align::{Interner, align};
use crate::encoding::{self, Encoded, Survey};

/// Extensions of text files in any encoding; files with other extensions are text only if they are Unicode.
const EXTENSIONS: [&str; 20] = [
    "txt", "md", "rst", "log", "json", "jsonl", "ndjson", "geojson", "xml", "html", "yaml", "yml", "toml",
    "ini", "sql", "tex", "csv", "tsv", "tab", "psv",
];
/// The number of bytes that decide whether a file is text.
const HEAD: u64 = 1 << 16;
/// The number of bytes that are read at a time.
const BLOCK: usize = 1 << 18;
/// The memory for the alignment of a line, in bytes, measured with different lines.
const LINE_MEMORY: u64 = 192;
/// The number of lines that are aligned at a time if that finds enough equal lines.
const SMALL_WINDOW: usize = 1 << 14;
/// The largest number of lines in an example, and of the bytes that are read for it at a time.
const LINES: usize = 3;
const EXCERPT: usize = 1 << 14;

pub(crate) struct Text;

impl Comparator for Text {
    fn describe(&self) -> ComparatorInfo {
        ComparatorInfo::new("text").with_any()
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let extension =
            request.path.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        let expected = EXTENSIONS.contains(&extension.as_str());
        let (left, right) = (&request.left, &request.right);
        let mut surveys = Vec::new();
        for side in [left, right] {
            let head = head(side)?;
            if !encoding::is_text(&head, expected) {
                return Ok(Outcome::skip());
            }
            let encoded = encoding::detect(&head);
            let survey = survey(side, encoded)?;
            if !survey.is_utf8() && !expected && !encoded.is_utf16() {
                return Ok(Outcome::skip());
            }
            surveys.push((encoded, survey));
        }
        let (old, new) = ((surveys[0].0, &surveys[0].1), (surveys[1].0, &surveys[1].1));
        let [left_encoded, right_encoded] = encoding::resolve(old, new);
        let mut node = Node::new("changed", "text", "");
        let facts = encoding::facts((left_encoded, old.1), (right_encoded, new.1));
        let endings_stated = facts.iter().any(|fact| fact.verb == "encoding.line-endings");
        for fact in facts {
            node.push("encoding", fact);
        }
        let window = (request.options.memory / LINE_MEMORY / 2).clamp(1 << 12, 1 << 31) as usize;
        let old_lines = Window::new(left, open(left, left_encoded, 0)?);
        let new_lines = Window::new(right, open(right, right_encoded, 0)?);
        let difference =
            Difference::find(old_lines, new_lines, (SMALL_WINDOW, window), request.options.examples)?;
        if difference.endings > 0 && !endings_stated {
            let lines = show::plural(difference.endings, "line");
            let text = format!("line endings of {lines} changed");
            node.push("encoding", Fact::new("encoding.line-endings", text).with_count(difference.endings));
        }
        let mut examples = Vec::new();
        for gap in &difference.examples {
            examples.push(example(gap, (left, left_encoded), (right, right_encoded))?);
        }
        for fact in difference.facts(examples) {
            node.push("content", fact);
        }
        let format = Format::recognise(&request.path, &[]).filter(|format| format.kind == FormatKind::Text);
        let incomplete = format.filter(|_| difference.places > 0);
        let diagnostics =
            incomplete.map(|format| Diagnostic::general(Severity::Error, format.compared_only("lines")));
        Ok(Outcome::changed_with(node, diagnostics.into_iter().collect()))
    }
}

fn io_error(side: &Side) -> impl Fn(io::Error) -> Error {
    |error| Error::io(&side.local, error)
}

fn head(side: &Side) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let read = File::open(&side.local).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.map_err(io_error(side))?;
    Ok(head)
}

/// Open the decoded text of a file at a position.
fn open(side: &Side, encoded: Encoded, start: u64) -> Result<Box<dyn Read + Send>> {
    let open = || -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(&side.local)?;
        if encoded.is_decoded() {
            let mut text = encoding::decode(file, encoded)?;
            io::copy(&mut text.by_ref().take(start), &mut io::sink())?;
            return Ok(text);
        }
        file.seek(SeekFrom::Start(encoded.bom_len() as u64 + start))?;
        Ok(Box::new(file))
    };
    open().map_err(io_error(side))
}

fn survey(side: &Side, encoded: Encoded) -> Result<Survey> {
    let mut text = open(side, encoded, 0)?;
    let (mut survey, mut block) = (Survey::default(), vec![0; BLOCK]);
    loop {
        match text.read(&mut block) {
            Ok(0) => break,
            Ok(count) => survey.feed(&block[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io_error(side)(error)),
        }
    }
    survey.finish();
    Ok(survey)
}

/// A line, without its text.
#[derive(Clone, Copy)]
struct Line {
    digest: u128,
    /// The position after the line and its line ending, in bytes of the decoded text.
    end: u64,
    ending: Ending,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    None,
    Lf,
    Crlf,
    Cr,
}

/// The next lines of a text.
struct Window<'a> {
    side: &'a Side,
    text: Box<dyn Read + Send>,
    /// The bytes that were read; those before `start` belong to earlier lines.
    block: Vec<u8>,
    start: usize,
    filled: usize,
    /// The position of `start` in the text.
    position: u64,
    /// The lines of the window are those from `first` on.
    lines: Vec<Line>,
    first: usize,
    /// The number of lines before the window, and the position of the first line in it.
    before: u64,
    begin: u64,
    ended: bool,
    /// The line ending of the last line that was read.
    last: Option<Ending>,
}

impl<'a> Window<'a> {
    fn new(side: &'a Side, text: Box<dyn Read + Send>) -> Self {
        Self {
            side,
            text,
            block: vec![0; BLOCK],
            start: 0,
            filled: 0,
            position: 0,
            lines: Vec::new(),
            first: 0,
            before: 0,
            begin: 0,
            ended: false,
            last: None,
        }
    }

    /// Read lines until the window has `size` lines or the text ends.
    fn fill(&mut self, size: usize) -> Result<()> {
        while !self.ended && self.lines.len() - self.first < size {
            match self.next()? {
                Some(line) => {
                    self.last = Some(line.ending);
                    self.lines.push(line);
                }
                None => self.ended = true,
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Line>> {
        let mut hasher = blake3::Hasher::new();
        let mut is_empty = true;
        while self.has_more()? {
            let data = &self.block[self.start..self.filled];
            let end = memchr::memchr2(b'\n', b'\r', data);
            hasher.update(&data[..end.unwrap_or(data.len())]);
            is_empty = false;
            let Some(end) = end else {
                self.skip(data.len());
                continue;
            };
            let is_lf = data[end] == b'\n';
            self.skip(end + 1);
            let ending = if is_lf {
                Ending::Lf
            } else if self.has_more()? && self.block[self.start] == b'\n' {
                self.skip(1);
                Ending::Crlf
            } else {
                Ending::Cr
            };
            return Ok(Some(self.line(&hasher, ending)));
        }
        Ok((!is_empty).then(|| self.line(&hasher, Ending::None)))
    }

    fn line(&self, hasher: &blake3::Hasher, ending: Ending) -> Line {
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        Line { digest: u128::from_le_bytes(digest), end: self.position, ending }
    }

    fn skip(&mut self, count: usize) {
        self.start += count;
        self.position += count as u64;
    }

    /// Return whether there are more bytes, and read them.
    fn has_more(&mut self) -> Result<bool> {
        while self.start == self.filled {
            match self.text.read(&mut self.block) {
                Ok(0) => return Ok(false),
                Ok(count) => (self.start, self.filled) = (0, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error(self.side)(error)),
            }
        }
        Ok(true)
    }

    /// Return up to `size` lines of the window.
    fn lines(&self, size: usize) -> &[Line] {
        let lines = &self.lines[self.first..];
        &lines[..lines.len().min(size)]
    }

    /// Return whether the window has the last line and no more than `size` lines.
    fn is_rest(&self, size: usize) -> bool {
        self.ended && self.lines.len() - self.first <= size
    }

    /// Return the position of a line of the window.
    fn position(&self, line: usize) -> u64 {
        if line == 0 { self.begin } else { self.lines[self.first + line - 1].end }
    }

    /// Remove the first lines of the window.
    fn advance(&mut self, count: usize) {
        self.begin = self.position(count);
        self.before += count as u64;
        self.first += count;
        if self.first * 2 > self.lines.len() {
            self.lines.drain(..self.first);
            self.first = 0;
        }
    }
}

/// A place where lines of one text take the place of lines of the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Gap {
    old: Part,
    new: Part,
}

/// Lines of one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Part {
    /// The number of lines before it.
    before: u64,
    lines: u64,
    /// The positions of its first lines, as many as are in an example.
    bytes: Range<u64>,
}

impl Part {
    fn extend(&mut self, window: &Window, lines: Range<usize>) {
        if self.lines == 0 {
            let position = window.position(lines.start);
            *self = Self { before: window.before + lines.start as u64, lines: 0, bytes: position..position };
        }
        let shown = LINES.saturating_sub(self.lines as usize).min(lines.len());
        if shown > 0 {
            self.bytes.end = window.position(lines.start + shown);
        }
        self.lines += lines.len() as u64;
    }
}

/// The difference of two texts.
#[derive(Debug, Default)]
struct Difference {
    changed: u64,
    removed: u64,
    added: u64,
    places: u64,
    /// The number of equal lines with another line ending.
    endings: u64,
    /// Whether the last line ends with a line ending, if there is one and this changed.
    final_newline: Option<bool>,
    examples: Vec<Gap>,
    /// The number of lines that were aligned, which is in proportion to the lines of the texts.
    aligned: usize,
}

impl Difference {
    /// Align the lines of two texts, at most `largest` lines of each at a time, and fewer if that finds enough equal
    /// lines.
    fn find(
        mut old: Window,
        mut new: Window,
        (smallest, largest): (usize, usize),
        limit: usize,
    ) -> Result<Self> {
        let mut difference = Self::default();
        let mut gap = Gap::default();
        let mut size = smallest.min(largest);
        loop {
            old.fill(size)?;
            new.fill(size)?;
            let (old_lines, new_lines) = (old.lines(size), new.lines(size));
            if old_lines.is_empty() && new_lines.is_empty() {
                break;
            }
            let is_rest = old.is_rest(size) && new.is_rest(size);
            let both = old_lines.iter().zip(new_lines);
            let same = both.take_while(|(one, other)| one.digest == other.digest).count();
            let mut pairs: Vec<_> = (0..same).map(|line| (line, line)).collect();
            // The lines after equal ones are aligned with more lines in the next windows.
            if is_rest || same == 0 {
                let mut interner = Interner::default();
                let mut ids = |lines: &[Line]| -> Vec<u32> {
                    lines[same..].iter().map(|line| interner.id(line.digest)).collect()
                };
                let rest = align(&ids(old_lines), &ids(new_lines));
                difference.aligned += old_lines.len() + new_lines.len() - 2 * same;
                pairs.extend(rest.into_iter().map(|pair| (same + pair.0, same + pair.1)));
            }
            // The number of lines to be done with: at least half of them if there are few equal ones.
            let mut end = if is_rest { size } else { 0 };
            if !is_rest && same == 0 {
                // Keep the first half only: the second half may align better with lines after the window.
                let half = size / 2;
                pairs.truncate(pairs.partition_point(|pair| pair.0 < half || pair.1 < half));
                if pairs.len() < half / 2 {
                    if size < largest {
                        size = size.saturating_mul(4).min(largest);
                        continue;
                    }
                    end = half;
                }
            }
            let mut done = (0, 0);
            for (old_line, new_line) in &pairs {
                gap.old.extend(&old, done.0..*old_line);
                gap.new.extend(&new, done.1..*new_line);
                difference.close(&mut gap, limit);
                let endings = [old_lines[*old_line].ending, new_lines[*new_line].ending];
                difference.endings += u64::from(endings[0] != endings[1] && !endings.contains(&Ending::None));
                done = (old_line + 1, new_line + 1);
            }
            let ends = (old_lines.len().min(end).max(done.0), new_lines.len().min(end).max(done.1));
            gap.old.extend(&old, done.0..ends.0);
            gap.new.extend(&new, done.1..ends.1);
            old.advance(ends.0);
            new.advance(ends.1);
            // A larger window was for this place only.
            size = smallest.min(largest);
        }
        difference.close(&mut gap, limit);
        let newline = |window: &Window| window.last.map(|ending| ending != Ending::None);
        if let (Some(old), Some(new)) = (newline(&old), newline(&new)) {
            difference.final_newline = (old != new).then_some(new);
        }
        Ok(difference)
    }

    /// Count a gap, because the lines after it are the same.
    fn close(&mut self, gap: &mut Gap, limit: usize) {
        let Gap { old, new } = &*gap;
        if old.lines + new.lines > 0 {
            self.places += 1;
            if old.lines == new.lines {
                self.changed += old.lines;
            } else {
                (self.removed, self.added) = (self.removed + old.lines, self.added + new.lines);
            }
            if self.examples.len() < limit {
                self.examples.push(gap.clone());
            }
        }
        *gap = Gap::default();
    }

    fn facts(&self, examples: Vec<Example>) -> Vec<Fact> {
        let mut facts = Vec::new();
        let counts = [
            ("lines.changed", self.changed, "changed"),
            ("lines.removed", self.removed, "removed"),
            ("lines.added", self.added, "added"),
        ];
        for (verb, count, state) in counts.into_iter().filter(|count| count.1 > 0) {
            facts.push(Fact::counted(verb, count, "line", state));
        }
        if let ([fact], 1) = (&mut facts[..], self.changed + self.removed + self.added) {
            fact.examples = examples;
        } else if self.places > 0 {
            let text = format!("changed in {}", show::plural(self.places, "place"));
            facts.push(Fact::new("places.changed", text).with_count(self.places).with_examples(examples));
        }
        if let Some(is_added) = self.final_newline {
            let state = if is_added { "added" } else { "removed" };
            let text = format!("line ending at the end of the file {state}");
            facts.push(Fact::new("lines.final-newline", text));
        }
        facts
    }
}

/// Read the first lines of a gap as an example.
fn example(gap: &Gap, old: (&Side, Encoded), new: (&Side, Encoded)) -> Result<Example> {
    let Gap { old: before, new: after } = gap;
    let at = match before.lines {
        0 => format!("new line {}", after.before + 1),
        _ => format!("line {}", before.before + 1),
    };
    let mut example = Example::default().with_at(at);
    let reader = |(side, encoded): (&Side, Encoded), part: &Part| {
        open(side, encoded, part.bytes.start).map(|text| text.take(part.bytes.end - part.bytes.start))
    };
    let (mut old_text, mut new_text) = (reader(old, before)?, reader(new, after)?);
    let (mut old_data, mut new_data, mut context) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        for (data, text, side) in
            [(&mut old_data, &mut old_text, old.0), (&mut new_data, &mut new_text, new.0)]
        {
            data.clear();
            text.take(EXCERPT as u64).read_to_end(data).map_err(io_error(side))?;
        }
        if old_data != new_data || old_data.len() < EXCERPT {
            break;
        }
        // Long lines can have a long part in common.
        context = old_data[EXCERPT - show::LONGEST / 2..].to_vec();
    }
    let text = |data: &[u8], part: &Part| {
        let is_cut = !context.is_empty();
        let mut text = show::bytes(inner(&[&context[..], data].concat(), is_cut));
        text = text.replace("\r\n", "\n").replace('\r', "\n");
        if text.ends_with('\n') && data.len() < EXCERPT {
            text.pop();
        }
        if is_cut {
            text.insert(0, '…');
        }
        if part.lines > LINES as u64 {
            text.push_str("\n…");
        }
        text
    };
    let (old_shown, new_shown) = show::clip_pair(&text(&old_data, before), &text(&new_data, after));
    if old_shown == new_shown && before.lines > 0 && after.lines > 0 {
        // The first lines are the same apart from line endings.
        let lines = [before, after].map(|part| show::plural(part.lines, "line"));
        example.value = Some(format!("{} replaced by {}", lines[0], lines[1]));
    } else {
        example.old = (before.lines > 0).then_some(old_shown);
        example.new = (after.lines > 0).then_some(new_shown);
    }
    Ok(example)
}

/// Return data without incomplete characters of UTF-8 at the end, and at the beginning if that `is_cut` too.
fn inner(data: &[u8], is_cut: bool) -> &[u8] {
    let is_continuation = |byte: &&u8| **byte & 0xc0 == 0x80;
    let start = if is_cut { data.iter().take(3).take_while(is_continuation).count() } else { 0 };
    let data = &data[start..];
    match std::str::from_utf8(data) {
        Err(error) if error.error_len().is_none() => &data[..error.valid_up_to()],
        _ => data,
    }
}

/// Check the properties of the comparison of any two texts, which are divided by a zero byte.
pub(crate) fn fuzz(data: &[u8]) {
    let (old, new) = data.split_at(memchr::memchr(0, data).unwrap_or(data.len()));
    for size in [(4, 4), (4, 20), (5, 9), (64, 1 << 12)] {
        let side = Side::new("", 0);
        let window = |text: &[u8]| Window::new(&side, Box::new(io::Cursor::new(text.to_vec())));
        let difference = Difference::find(window(old), window(new), size, usize::MAX)
            .expect("bytes in memory are readable");
        let [old_lines, new_lines] = [old, new].map(lines_with_places);
        assert!(difference.aligned <= 32 * (old_lines.len() + new_lines.len()), "not linear");
        assert_eq!(difference.places as usize, difference.examples.len());
        let (mut old_line, mut new_line) = (0, 0);
        let mut counts = (0, 0);
        let mut gaps = difference.examples.clone();
        let end = |lines: usize| Part { before: lines as u64, ..Part::default() };
        gaps.push(Gap { old: end(old_lines.len()), new: end(new_lines.len()) });
        for gap in gaps {
            let next = gap.old.before as usize;
            for line in &old_lines[old_line..next] {
                assert_eq!(line.0, new_lines[new_line].0, "lines outside of a gap differ");
                new_line += 1;
            }
            for (part, lines, place) in [(&gap.old, &old_lines, next), (&gap.new, &new_lines, new_line)] {
                assert_eq!(part.before as usize, place);
                if part.lines > 0 {
                    let last = place + (part.lines as usize).min(LINES) - 1;
                    assert_eq!(part.bytes, lines[place].1.start as u64..lines[last].1.end as u64);
                }
            }
            old_line = next + gap.old.lines as usize;
            new_line += gap.new.lines as usize;
            counts = (counts.0 + gap.old.lines, counts.1 + gap.new.lines);
        }
        assert_eq!((old_line, new_line), (old_lines.len(), new_lines.len()));
        let sums = (difference.changed + difference.removed, difference.changed + difference.added);
        assert_eq!(counts, sums);
    }
}

/// Return all lines of a text without line endings, and the places of the lines with them.
fn lines_with_places(text: &[u8]) -> Vec<(&[u8], Range<usize>)> {
    let mut lines = Vec::new();
    let mut start = 0;
    for end in 1..=text.len() {
        let is_end = match text[end - 1] {
            b'\n' => true,
            b'\r' => text.get(end) != Some(&b'\n'),
            _ => end == text.len(),
        };
        if is_end {
            let line = &text[start..end];
            let line = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
            let line = if text[end - 1] == b'\r' { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
            lines.push((line, start..end));
            start = end;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::{mutations, random};

    fn difference(old: &str, new: &str, size: (usize, usize)) -> Difference {
        let side = Side::new("", 0);
        let window = |text: &str| Window::new(&side, Box::new(io::Cursor::new(text.as_bytes().to_vec())));
        Difference::find(window(old), window(new), size, 3).unwrap()
    }

    /// Compare two texts in files, whose names end with `.txt`.
    fn compare(name: &str, old: &[u8], new: &[u8]) -> (Node, Vec<Diagnostic>) {
        let root = std::env::temp_dir().join(format!("binoc-text-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        let sides = [("a", old), ("b", new)].map(|(file, content)| {
            let path = root.join(file);
            std::fs::write(&path, content).unwrap();
            Side::new(path, content.len() as u64)
        });
        let [left, right] = sides;
        let outcome = Text.compare(&CompareRequest::new(name, left, right)).unwrap();
        std::fs::remove_dir_all(root).unwrap();
        match outcome {
            Outcome::Changed { node, diagnostics, .. } => (*node, diagnostics),
            other => panic!("{other:?}"),
        }
    }

    fn texts(node: &Node) -> Vec<&str> {
        node.facts.iter().map(|fact| fact.text.as_str()).collect()
    }

    #[test]
    fn lines_end_with_lf_crlf_or_cr() {
        let found = difference("a\nb\nc\n", "a\rb\r\nc", (9, 9));
        assert_eq!((found.places, found.endings, found.final_newline), (0, 2, Some(false)));
        let found = difference("a\rb\r", "a\rx\r", (9, 9));
        assert_eq!((found.changed, found.places), (1, 1));
        assert_eq!(difference("", "a\n", (9, 9)).final_newline, None);
    }

    #[test]
    fn small_windows_find_local_edits() {
        let mut random = random(3);
        let lines: Vec<String> = (0..20_000).map(|line| format!("line {line}")).collect();
        let mut edited = lines.clone();
        for _ in 0..50 {
            edited.remove(random(edited.len() as u64) as usize);
        }
        for line in 0..50 {
            edited.insert(random(edited.len() as u64) as usize, format!("new {line}"));
        }
        let found = difference(&lines.join("\n"), &edited.join("\n"), (1 << 9, 1 << 11));
        assert_eq!((found.removed + found.changed, found.added + found.changed), (50, 50));
    }

    #[test]
    fn long_lines_with_a_late_difference_stay_different() {
        let long = "é, ".repeat(100_000);
        let (old, new) = (format!("[{long}1]"), format!("[{long}2]"));
        let (node, _) = compare("long.txt", old.as_bytes(), new.as_bytes());
        assert_eq!(texts(&node), ["1 line changed"]);
        let example = &node.facts[0].examples[0];
        let (old, new) = (example.old.as_deref().unwrap(), example.new.as_deref().unwrap());
        assert!(old.ends_with("é, 1]") && new.ends_with("é, 2]") && old.starts_with('…'), "{old}");
        assert!(old.chars().count() <= show::LONGEST + 2);
    }

    #[test]
    fn examples_have_few_lines() {
        let old: String = (0..9).map(|line| format!("{line}\r\n")).collect();
        let (node, _) = compare("few.txt", format!("a\n{old}b").as_bytes(), b"a\nb");
        let fact = node.facts.last().unwrap();
        assert_eq!(fact.examples[0].old.as_deref(), Some("0\n1\n2\n…"));
        assert_eq!(fact.examples[0].at.as_deref(), Some("line 2"));
    }

    #[test]
    fn json_is_compared_by_lines_only() {
        let (node, diagnostics) = compare("x.json", b"{\"a\": 1}", b"{\n\"a\": 1}");
        assert!(texts(&node).contains(&"1 line removed"));
        assert_eq!(diagnostics[0].severity, Severity::Error);
        // Line endings are not content of JSON.
        assert_eq!(compare("y.json", b"{\n}\n", b"{\r\n}\r\n").1, []);
        assert_eq!(compare("z.txt", b"{}", b"[]").1, []);
    }

    #[test]
    fn changed_encoding_is_not_a_change_of_content() {
        let utf16: Vec<u8> = "\u{feff}é\nb\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (node, _) = compare("u.txt", b"\xe9\nb\n", &utf16);
        assert_eq!(texts(&node), ["encoding changed from Windows-1252 (or ISO-8859-1) to UTF-16"]);
        let (node, _) = compare("v.txt", b"\xe9\n", b"\xe8\n");
        assert_eq!(texts(&node)[..2], ["not UTF-8: compared byte by byte", "1 line changed"]);
    }

    #[test]
    fn single_line_endings_are_counted_if_both_are_mixed() {
        let (node, _) = compare("m.txt", b"a\nb\r\nc\n", b"a\r\nb\nc\n");
        assert_eq!(texts(&node), ["line endings of 2 lines changed"]);
    }

    #[test]
    fn properties_hold_for_mutated_texts() {
        let seeds = [&b"a\nb\r\nc\rd\0a\nc\nb\nd"[..], b"x\nx\ny\n1\n2\n3\n4\n5\n6\0x\ny\nx\n6\n5\n4\n"];
        mutations(&seeds.map(<[u8]>::to_vec), 500, fuzz);
    }
}
