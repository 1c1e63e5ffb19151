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
        let fact = compare(&mut old, &mut new, request.options.examples)
            .map_err(|error| Error::io(&right.local, error))?;
        let mut node = Node::new("changed", "binary", "");
        node.push("content", fact);
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
fn compare(old: &mut (impl Read + Seek), new: &mut (impl Read + Seek), limit: usize) -> io::Result<Fact> {
    let (old_bytes, new_bytes) = (old.seek(SeekFrom::End(0))?, new.seek(SeekFrom::End(0))?);
    if old_bytes == new_bytes {
        return compare_places(old, new, limit);
    }
    let bytes = |count: u64| show::plural(count, "byte");
    let shorter = old_bytes.min(new_bytes);
    let start = common_prefix(old, new)?;
    let end = common_suffix((&mut *old, old_bytes), (&mut *new, new_bytes), shorter - start)?;
    let (removed, added) = (old_bytes - start - end, new_bytes - start - end);
    // The same bytes are at several places if the inserted bytes begin like those after them.
    let place = if start == 0 { "at the beginning".to_owned() } else { format!("at byte {}", start + 1) };
    let (verb, text) = match (removed, added) {
        (0, _) if end == 0 => ("bytes.appended", format!("{} appended", bytes(added))),
        (0, _) => ("bytes.inserted", format!("{} inserted {place}", bytes(added))),
        (_, 0) if end == 0 => ("bytes.cut-off", format!("{} cut off at the end", bytes(removed))),
        (_, 0) => ("bytes.removed", format!("{} removed {place}", bytes(removed))),
        _ => {
            let replaced = format!("{} {place} replaced by {}", bytes(removed), bytes(added));
            ("bytes.replaced", replaced)
        }
    };
    let mut example = Example::default().with_at(format!("byte {}", start + 1));
    let mut show = |file: &mut dyn ReadSeek, count: u64| -> io::Result<Option<String>> {
        file.seek(SeekFrom::Start(start))?;
        let mut data = Vec::new();
        file.take(count.min(SHOWN as u64)).read_to_end(&mut data)?;
        Ok((count > 0).then(|| hex(&data, count > SHOWN as u64)))
    };
    (example.old, example.new) = (show(old, removed)?, show(new, added)?);
    let examples = [example].into_iter().take(limit);
    Ok(Fact::new(verb, text).with_count(removed.max(added)).with_examples(examples))
}

trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// Return the bytes in hexadecimal.
fn hex(data: &[u8], cut: bool) -> String {
    let bytes: Vec<_> = data.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{}{}", bytes.join(" "), if cut { " …" } else { "" })
}

/// Compare sequences of the same length byte by byte.
fn compare_places(
    old: &mut (impl Read + Seek),
    new: &mut (impl Read + Seek),
    limit: usize,
) -> io::Result<Fact> {
    let (mut changed, mut places, mut start, mut examples) = (0, 0, 0, Vec::new());
    // The first bytes of the current place of differing bytes, and its length.
    let mut open: Option<(u64, Vec<u8>, Vec<u8>, u64)> = None;
    let mut close = |open: &mut Option<(u64, Vec<u8>, Vec<u8>, u64)>| {
        if let Some((place, before, after, length)) = open.take()
            && examples.len() < limit
        {
            let cut = length > SHOWN as u64;
            let example = Example::change(hex(&before, cut), hex(&after, cut));
            examples.push(example.with_at(format!("byte {}", place + 1)));
        }
    };
    blocks(old, new, |before, after| {
        if before != after {
            for (place, (one, other)) in (start..).zip(before.iter().zip(after)) {
                if one == other {
                    close(&mut open);
                    continue;
                }
                changed += 1;
                let current = open.get_or_insert_with(|| {
                    places += 1;
                    (place, Vec::new(), Vec::new(), 0)
                });
                current.3 += 1;
                if current.1.len() < SHOWN {
                    current.1.push(*one);
                    current.2.push(*other);
                }
            }
        } else {
            close(&mut open);
        }
        start += before.len() as u64;
        true
    })?;
    close(&mut open);
    let state = format!("changed in {}", show::plural(places, "place"));
    Ok(Fact::counted("bytes.changed", changed, "byte", &state).with_examples(examples))
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
    let fact = compare(&mut io::Cursor::new(old), &mut io::Cursor::new(new), 3)
        .expect("bytes in memory are readable");
    let count = fact.count.expect("a count") as usize;
    match fact.verb.as_str() {
        "bytes.appended" => assert_eq!(&new[..new.len() - count], old),
        "bytes.cut-off" => assert_eq!(&old[..old.len() - count], new),
        "bytes.inserted" => assert_eq!(new.len() - old.len(), count),
        "bytes.removed" => assert_eq!(old.len() - new.len(), count),
        "bytes.replaced" => assert!(count <= old.len().max(new.len())),
        _ => {
            assert_eq!(old.len(), new.len());
            assert_eq!(old.iter().zip(new).filter(|(one, other)| one != other).count(), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::tests::random;
    use crate::fuzzing::mutations;

    fn text(old: &[u8], new: &[u8]) -> String {
        compare(&mut io::Cursor::new(old), &mut io::Cursor::new(new), 5).unwrap().text
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
    }

    #[test]
    fn differing_bytes_are_counted() {
        let old = vec![7; 200_000];
        let mut new = old.clone();
        for place in [0, 1, 65_535, 65_536, 199_999] {
            new[place] = 9;
        }
        let fact = compare(&mut io::Cursor::new(&old), &mut io::Cursor::new(&new), 5).unwrap();
        assert_eq!((fact.text.as_str(), fact.count), ("5 bytes changed in 3 places", Some(5)));
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
                let fact = compare(&mut io::Cursor::new(one), &mut io::Cursor::new(other), 0).unwrap();
                assert_eq!((fact.verb.as_str(), fact.count), (verb, Some(count as u64)));
            }
        }
    }

    #[test]
    fn properties_hold_for_mutated_bytes() {
        mutations(&[b"\x08abcdefghabcdefgh".to_vec(), b"\x03aaaaaaab".to_vec()], 4_000, fuzz);
    }
}
