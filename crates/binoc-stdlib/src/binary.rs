//! Comparison of files by bytes, for all files that no other comparator supports.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use binoc_sdk::format::{self, Format};
use binoc_sdk::{
    Comparator, ComparatorInfo, CompareRequest, Diagnostic, Error, Example, Fact, Node, Outcome, Result,
    Severity, Side, show,
};

/// The number of bytes that are read at a time.
const BLOCK: usize = 1 << 16;
/// The largest number of bytes in an example.
const SHOWN: usize = 16;

pub(crate) struct Binary;

impl Comparator for Binary {
    fn describe(&self) -> ComparatorInfo {
        ComparatorInfo::new("binary").with_any()
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let (left, right) = (&request.left, &request.right);
        let open = |side: &Side| File::open(&side.local).map_err(|error| Error::io(&side.local, error));
        let (mut old, mut new) = (open(left)?, open(right)?);
        // Both files are read in turn; a message with the path of the newer one is the best that is possible.
        let facts = compare(&mut old, &mut new, request.options.examples)
            .map_err(|error| Error::io(&right.local, error))?;
        let mut node = Node::new("changed", "binary", "");
        facts.into_iter().for_each(|fact| node.push("content", fact));
        let mut diagnostics = Vec::new();
        for (side, file) in [(left, &mut old), (right, &mut new)] {
            let head = head(file).map_err(|error| Error::io(&side.local, error))?;
            if let (true, Some(format)) = (diagnostics.is_empty(), Format::recognise(&request.path, &head)) {
                diagnostics.push(Diagnostic::general(Severity::Error, format.compared_only("bytes")));
            }
        }
        Ok(Outcome::changed_with(node, diagnostics))
    }
}

fn head(file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(format::HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Return how two sequences of bytes differ. The result is exact, and a block of each is in memory.
fn compare(
    old: &mut (impl Read + Seek),
    new: &mut (impl Read + Seek),
    limit: usize,
) -> io::Result<Vec<Fact>> {
    let (old_bytes, new_bytes) = (old.seek(SeekFrom::End(0))?, new.seek(SeekFrom::End(0))?);
    let shorter = old_bytes.min(new_bytes);
    let longer = old_bytes.max(new_bytes);
    let start = common_prefix(old, new)?;
    let end = match start < shorter {
        true => common_suffix((&mut *old, old_bytes), (&mut *new, new_bytes), shorter - start)?,
        false => 0,
    };
    let (removed, added) = (old_bytes - start - end, new_bytes - start - end);
    if removed > 0 && added > 0 {
        let places = Places::find(old, new, limit)?;
        // A file whose bytes stay at their places is described by these, another one by the part that differs.
        if old_bytes == new_bytes || places.changed + (longer - shorter) < removed.max(added) {
            let mut facts = places.facts();
            facts.extend(
                (old_bytes != new_bytes).then(|| part(old_bytes - shorter, new_bytes - shorter, shorter, 0)),
            );
            return Ok(facts);
        }
    }
    Ok(vec![part(removed, added, start, end)])
}

/// Return the fact that the bytes between `start` bytes at the beginning and `end` bytes at the end differ.
fn part(removed: u64, added: u64, start: u64, end: u64) -> Fact {
    let bytes = |count: u64| show::plural(count, "byte");
    let place = if start == 0 { "at the beginning".to_owned() } else { format!("at byte {}", start + 1) };
    let (verb, text) = match (removed, added) {
        (0, _) if end == 0 => ("bytes.appended", format!("{} appended", bytes(added))),
        (0, _) => ("bytes.inserted", format!("{} inserted {place}", bytes(added))),
        (_, 0) if end == 0 => ("bytes.cut-off", format!("{} cut off at the end", bytes(removed))),
        (_, 0) => ("bytes.removed", format!("{} removed {place}", bytes(removed))),
        _ => {
            let text = format!("{} {place} replaced by {}", bytes(removed), bytes(added));
            ("bytes.replaced", text)
        }
    };
    Fact::new(verb, text).with_count(removed.max(added))
}

/// The places with differing bytes, as far as both sequences go.
#[derive(Default)]
struct Places {
    changed: u64,
    places: u64,
    /// The position of the next byte.
    position: u64,
    open: Option<Place>,
    examples: Vec<Example>,
}

struct Place {
    start: u64,
    length: usize,
    /// The first bytes.
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Places {
    fn find(old: &mut (impl Read + Seek), new: &mut (impl Read + Seek), limit: usize) -> io::Result<Self> {
        let mut places = Self::default();
        blocks(old, new, |before, after| {
            if before == after {
                places.close(limit);
                places.position += before.len() as u64;
                return true;
            }
            for (one, other) in before.iter().zip(after) {
                if one == other {
                    places.close(limit);
                } else {
                    places.add(*one, *other);
                }
                places.position += 1;
            }
            true
        })?;
        places.close(limit);
        Ok(places)
    }

    fn add(&mut self, old: u8, new: u8) {
        self.changed += 1;
        let start = self.position;
        let place =
            self.open.get_or_insert_with(|| Place { start, length: 0, old: Vec::new(), new: Vec::new() });
        place.length += 1;
        if place.length <= SHOWN {
            place.old.push(old);
            place.new.push(new);
        }
    }

    fn close(&mut self, limit: usize) {
        let Some(place) = self.open.take() else { return };
        self.places += 1;
        if self.examples.len() < limit {
            let hex = |data: &[u8]| {
                let bytes: Vec<_> = data.iter().map(|byte| format!("{byte:02X}")).collect();
                format!("{}{}", bytes.join(" "), if place.length > SHOWN { " …" } else { "" })
            };
            let example = Example::change(hex(&place.old), hex(&place.new));
            self.examples.push(example.with_at(format!("byte {}", place.start + 1)));
        }
    }

    fn facts(self) -> Vec<Fact> {
        let fact = Fact::counted("bytes.changed", self.changed, "byte", "changed");
        if self.changed == 1 {
            return vec![fact.with_examples(self.examples)];
        }
        let text = format!("changed in {}", show::plural(self.places, "place"));
        let places = Fact::new("places.changed", text).with_count(self.places);
        vec![fact, places.with_examples(self.examples)]
    }
}

/// Call `each` with the next bytes of both sequences, the same number of both, until it returns `false` or one ends.
fn blocks(
    old: &mut (impl Read + Seek),
    new: &mut (impl Read + Seek),
    mut each: impl FnMut(&[u8], &[u8]) -> bool,
) -> io::Result<()> {
    old.seek(SeekFrom::Start(0))?;
    new.seek(SeekFrom::Start(0))?;
    let (mut before, mut after) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
    loop {
        before.clear();
        after.clear();
        old.by_ref().take(BLOCK as u64).read_to_end(&mut before)?;
        new.by_ref().take(BLOCK as u64).read_to_end(&mut after)?;
        let both = before.len().min(after.len());
        if both == 0 || !each(&before[..both], &after[..both]) {
            return Ok(());
        }
    }
}

/// Return the number of equal bytes at the beginning.
fn common_prefix(old: &mut (impl Read + Seek), new: &mut (impl Read + Seek)) -> io::Result<u64> {
    let mut length = 0;
    blocks(old, new, |before, after| {
        let same = if before == after { before.len() } else { matching(before.iter(), after.iter()) };
        length += same as u64;
        same == before.len()
    })?;
    Ok(length)
}

/// Return the number of equal bytes at the end, at most `limit`.
fn common_suffix(
    (old, old_bytes): (&mut (impl Read + Seek), u64),
    (new, new_bytes): (&mut (impl Read + Seek), u64),
    limit: u64,
) -> io::Result<u64> {
    let (mut before, mut after) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut length = 0;
    while length < limit {
        let count = (limit - length).min(BLOCK as u64);
        let size = count as usize;
        old.seek(SeekFrom::Start(old_bytes - length - count))?;
        old.read_exact(&mut before[..size])?;
        new.seek(SeekFrom::Start(new_bytes - length - count))?;
        new.read_exact(&mut after[..size])?;
        let same = matching(before[..size].iter().rev(), after[..size].iter().rev());
        length += same as u64;
        if same < size {
            break;
        }
    }
    Ok(length)
}

fn matching<'a>(one: impl Iterator<Item = &'a u8>, other: impl Iterator<Item = &'a u8>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

/// Check the properties of the comparison on any bytes: the first byte is the length of the older sequence.
pub(crate) fn fuzz(data: &[u8]) {
    let (first, data) = data.split_first().map_or((0, data), |(first, rest)| (usize::from(*first), rest));
    let (old, new) = data.split_at(first.min(data.len()));
    let facts = compare(&mut io::Cursor::new(old), &mut io::Cursor::new(new), 3)
        .expect("bytes in memory are readable");
    let differ = old.iter().zip(new).filter(|(one, other)| one != other).count();
    for fact in &facts {
        let count = fact.count.expect("a count") as usize;
        match fact.verb.as_str() {
            "bytes.appended" if differ == 0 => assert_eq!(&new[..new.len() - count], old),
            "bytes.cut-off" if differ == 0 => assert_eq!(&old[..old.len() - count], new),
            "bytes.appended" | "bytes.inserted" => assert_eq!(new.len() - old.len(), count),
            "bytes.cut-off" | "bytes.removed" => assert_eq!(old.len() - new.len(), count),
            "bytes.replaced" => assert!(count <= old.len().max(new.len())),
            "bytes.changed" => assert_eq!(differ, count),
            verb => assert!(verb == "places.changed" && count <= differ),
        }
    }
    let replaces = facts.iter().any(|fact| fact.verb == "bytes.replaced");
    assert!(!replaces || old.len() != new.len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::{mutations, random};

    fn facts(old: &[u8], new: &[u8]) -> Vec<Fact> {
        compare(&mut io::Cursor::new(old), &mut io::Cursor::new(new), 5).unwrap()
    }

    fn text(old: &[u8], new: &[u8]) -> String {
        let texts: Vec<_> = facts(old, new).into_iter().map(|fact| fact.text).collect();
        texts.join("; ")
    }

    #[test]
    fn difference_in_length_is_exact() {
        assert_eq!(text(b"abc", b"abcde"), "2 bytes appended");
        assert_eq!(text(b"abc", b"a"), "2 bytes cut off at the end");
        assert_eq!(text(b"", b"a"), "1 byte appended");
        assert_eq!(text(b"abc", b"xxabc"), "2 bytes inserted at the beginning");
        assert_eq!(text(b"abc", b"abxc"), "1 byte inserted at byte 3");
        assert_eq!(text(b"aaab", b"aab"), "1 byte removed at byte 3");
        assert_eq!(text(b"abcd", b"axyzd"), "2 bytes at byte 2 replaced by 3 bytes");
        assert_eq!(text(b"abcdefgh", b"Xbcdefghi"), "1 byte changed; 1 byte appended");
        assert_eq!(text(b"abcdefgh", b"abXdef"), "1 byte changed; 2 bytes cut off at the end");
    }

    #[test]
    fn differing_bytes_are_counted() {
        let old = vec![7; 200_000];
        let mut new = old.clone();
        for place in [0, 1, 65_535, 65_536, 199_999] {
            new[place] = 9;
        }
        assert_eq!(text(&old, &new), "5 bytes changed; changed in 3 places");
        let fact = &facts(&old, &new)[1];
        let first = &fact.examples[0];
        assert_eq!(
            (first.at.as_deref(), first.old.as_deref(), first.new.as_deref()),
            (Some("byte 1"), Some("07 07"), Some("09 09"))
        );
        assert_eq!(fact.examples[1].at.as_deref(), Some("byte 65536"));
    }

    /// Apply random edits to long sequences; the result must be the edit.
    #[test]
    fn edits_across_blocks_are_found() {
        for seed in 1..40 {
            let mut random = random(seed);
            let old: Vec<u8> = (0..3 * BLOCK).map(|_| random(256) as u8).collect();
            let (place, count) = (random(old.len() as u64) as usize, 1 + random(2 * BLOCK as u64) as usize);
            let inserted: Vec<u8> = (0..count).map(|_| random(256) as u8).collect();
            let new = [&old[..place], &inserted, &old[place..]].concat();
            for (one, other, verb) in [(&old, &new, "bytes.inserted"), (&new, &old, "bytes.removed")] {
                let facts = facts(one, other);
                assert_eq!((facts.len(), facts[0].verb.as_str()), (1, verb));
                assert_eq!(facts[0].count, Some(count as u64));
            }
        }
    }

    #[test]
    fn properties_hold_for_mutated_bytes() {
        mutations(&[b"\x08abcdefghabcdefgh".to_vec(), b"\x03aaaaaaab".to_vec()], 1_500, fuzz);
    }
}
