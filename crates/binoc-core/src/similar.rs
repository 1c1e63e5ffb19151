//! Search for files that share a part of their content: renames with edits, copies with edits, splits and merges.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::parallel;
use crate::print::{Part, Print};
use crate::tokens;
use crate::walk::{Tree, file_name};

/// The lowest similarity of a rename, in percent of the larger file.
const ENOUGH: u8 = 50;
/// The lowest similarity at which a file with the same name is preferred to others.
const CLEAR: u8 = 75;
/// The lowest similarity of a copy with edits, and of tiny files.
const COPY: u8 = 80;
/// The lowest share of a part that is in the whole file, and of the whole file that is in the parts, in percent.
const CONTAINED: u64 = 80;
/// Parts that occur in more files than this are ignored when candidates are searched.
const COMMON: usize = 16;
/// The number of candidates for each file that are compared completely.
const CANDIDATES: usize = 4;
/// The largest number of parts of all fingerprints together, which limits the memory.
const PARTS: usize = 1 << 20;
/// The largest number of pairs of tiny files that are compared.
const TINY_PAIRS: usize = 1 << 16;
/// The number of bytes that are always searched for copies with edits.
const COPY_BYTES: u64 = 1 << 20;

/// Files with their fingerprints.
pub(crate) struct Prints {
    files: Vec<(String, Print)>,
    /// The files that cannot be read, with the reason.
    pub(crate) failures: Vec<(String, String)>,
}

impl Prints {
    fn read(tree: &Tree, names: Vec<String>, limit: usize) -> Self {
        let prints = parallel::map(&names, || (), |(), name| Print::read(&tree.files[name], limit));
        let (mut files, mut failures) = (Vec::new(), Vec::new());
        for (name, print) in names.into_iter().zip(prints) {
            match print {
                Ok(print) => files.push((name, print)),
                Err(reason) => failures.push((name, reason)),
            }
        }
        Self { files, failures }
    }

    /// Drop the files that are in no set.
    pub(crate) fn retain(&mut self, names: &BTreeSet<String>) {
        self.files.retain(|(name, _)| names.contains(name));
    }
}

/// Read the fingerprints of removed and added files that are large and small enough for a rename, split or merge, and of
/// the `resized` files, which both trees have.
pub(crate) fn read(
    left: &Tree,
    right: &Tree,
    removed: &BTreeSet<String>,
    added: &BTreeSet<String>,
    resized: &BTreeSet<String>,
) -> (Prints, Prints) {
    let size = |tree: &Tree, name: &String| tree.files[name].side.bytes;
    let sizes = |tree: &Tree, names: &BTreeSet<String>| {
        let mut sizes: Vec<u64> = names.iter().map(|name| size(tree, name)).collect();
        sizes.sort_unstable();
        sizes
    };
    let (old_sizes, new_sizes) = (sizes(left, removed), sizes(right, added));
    let candidates = |tree: &Tree, names: &BTreeSet<String>, others: &[u64]| -> Vec<String> {
        let total: u64 = others.iter().sum();
        let fits = |name: &String| {
            let bytes = size(tree, name);
            let (smallest, largest) = (bytes / 2, bytes.saturating_mul(2).saturating_add(1));
            let place = others.partition_point(|other| *other < smallest);
            let similar = others.get(place).is_some_and(|other| *other <= largest);
            // The whole of several others, or a part of another.
            let whole = others.len() > 1 && total / 5 * 6 >= bytes / 10 * 8;
            let part = names.len() > 1 && others.last().is_some_and(|other| *other > bytes);
            bytes > 0 && (similar || whole || part)
        };
        names.iter().filter(|name| !resized.is_empty() || fits(name)).chain(resized).cloned().collect()
    };
    let (old, new) = (candidates(left, removed, &new_sizes), candidates(right, added, &old_sizes));
    if old.is_empty() || new.is_empty() {
        return (Prints::read(left, vec![], 0), Prints::read(right, vec![], 0));
    }
    let limit = limit(old.len() + new.len());
    (Prints::read(left, old, limit), Prints::read(right, new, limit))
}

fn limit(files: usize) -> usize {
    (PARTS / files.max(1)).clamp(16, 1 << 14)
}

/// A rename with edits: the older name, the newer name, and the similarity in percent.
pub(crate) type Rename = (String, String, u8);

/// Files that have the same name except for years, dates or versions: the older name, the newer name, and the texts that
/// differ.
pub(crate) type Successor = (String, String, Vec<(String, String)>);

/// Find renames with edits. `successors` are files that have the same name except for a year, date or version; a file
/// of little similarity does not take the place of a successor.
pub(crate) fn find_renames(old: &Prints, new: &Prints, successors: &[Successor]) -> Vec<Rename> {
    let successors: BTreeMap<_, _> =
        successors.iter().map(|(old, new, _)| (old.as_str(), new.as_str())).collect();
    let predecessors: BTreeMap<_, _> = successors.iter().map(|(old, new)| (*new, *old)).collect();
    let mut scored = Vec::new();
    for (percent, old_index, new_index) in find_similar(old, new, ENOUGH) {
        let (old_name, new_name) = (old.files[old_index].0.as_str(), new.files[new_index].0.as_str());
        let other_pair = successors.get(old_name).is_some_and(|name| *name != new_name)
            || predecessors.get(new_name).is_some_and(|name| *name != old_name);
        if percent < CLEAR && other_pair {
            continue;
        }
        let same_name = file_name(old_name) == file_name(new_name);
        let same_pattern = || tokens::split(file_name(old_name)).0 == tokens::split(file_name(new_name)).0;
        let clear = percent >= CLEAR && (same_name || same_pattern());
        // Sort by similarity, then by path, so that the result is deterministic.
        scored.push((Reverse(clear), Reverse(percent), Reverse(same_name), old_index, new_index));
    }
    scored.sort_unstable();
    let (mut used_old, mut used_new) = (vec![false; old.files.len()], vec![false; new.files.len()]);
    let mut renames = Vec::new();
    for (_, Reverse(percent), _, old_index, new_index) in scored {
        if !used_old[old_index] && !used_new[new_index] {
            (used_old[old_index], used_new[new_index]) = (true, true);
            renames.push((old.files[old_index].0.clone(), new.files[new_index].0.clone(), percent));
        }
    }
    renames
}

/// Return similar files as percent, index in `old` and index in `new`.
fn find_similar(old: &Prints, new: &Prints, enough: u8) -> Vec<(u8, usize, usize)> {
    let mut best: BTreeMap<usize, Vec<(u64, usize)>> = BTreeMap::new();
    for ((old_index, new_index), bytes) in shared_bytes(old, new) {
        best.entry(new_index).or_default().push((bytes, old_index));
    }
    let mut scored = Vec::new();
    for (new_index, mut candidates) in best {
        candidates.sort_by_key(|(bytes, index)| (Reverse(*bytes), *index));
        for (_, old_index) in candidates.into_iter().take(CANDIDATES) {
            // At most 99, because 100 means the same bytes, and these files differ at least in the order of parts.
            if let Some(percent) = old.files[old_index].1.similarity(&new.files[new_index].1, enough) {
                scored.push((percent.min(99), old_index, new_index));
            }
        }
    }
    scored.extend(find_tiny(old, new));
    scored
}

/// Return similar files that are too small for parts.
fn find_tiny(old: &Prints, new: &Prints) -> Vec<(u8, usize, usize)> {
    let tiny = |prints: &Prints| -> Vec<usize> {
        (0..prints.files.len()).filter(|index| prints.files[*index].1.is_tiny()).collect()
    };
    let (old_tiny, new_tiny) = (tiny(old), tiny(new));
    let mut scored = Vec::new();
    if old_tiny.len().saturating_mul(new_tiny.len()) <= TINY_PAIRS {
        for old_index in &old_tiny {
            for new_index in &new_tiny {
                let percent = old.files[*old_index].1.tiny_similarity(&new.files[*new_index].1).min(99);
                if percent >= COPY {
                    scored.push((percent, *old_index, *new_index));
                }
            }
        }
    }
    scored
}

/// Return the bytes in parts that both files have and that are in few older files, by index in `old` and in `new`.
fn shared_bytes(old: &Prints, new: &Prints) -> HashMap<(usize, usize), u64> {
    let sorted = |prints: &Prints| {
        let parts = prints.files.iter().enumerate();
        let parts = parts
            .flat_map(|(index, (_, print))| print.parts.iter().map(move |part| (part.hash, index as u32)));
        let mut parts: Vec<(u64, u32)> = parts.collect();
        parts.sort_unstable();
        parts
    };
    let old_parts = sorted(old);
    let mut shared = HashMap::new();
    for (new_index, (_, print)) in new.files.iter().enumerate() {
        for part in &print.parts {
            let start = old_parts.partition_point(|(hash, _)| *hash < part.hash);
            let same = old_parts[start..].iter().take(COMMON + 1).take_while(|(hash, _)| *hash == part.hash);
            if same.clone().count() > COMMON {
                continue;
            }
            for (_, old_index) in same {
                *shared.entry((*old_index as usize, new_index)).or_default() += part.bytes();
            }
        }
    }
    shared
}

/// A file that became several, or several that became one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) whole: String,
    /// The parts, in the order of their names.
    pub(crate) parts: Vec<SplitPart>,
    /// Whether the parts are older than the whole file.
    pub(crate) merged: bool,
}

/// A part of a [`Split`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SplitPart {
    pub(crate) name: String,
    /// The number of lines of the whole file in the part; `None` if it was only estimated.
    pub(crate) shared: Option<u64>,
    /// The number of lines of the part.
    pub(crate) lines: u64,
}

/// Find text files that became several, and text files that became one. A `resized` file can be the whole in one version
/// and a part in the other.
pub(crate) fn find_splits(old: &Prints, new: &Prints, resized: &BTreeSet<String>) -> Vec<Split> {
    let mut splits = Vec::new();
    let shared = shared_bytes(old, new);
    let (mut used_old, mut used_new) = (BTreeSet::new(), BTreeSet::new());
    for merged in [false, true] {
        let (wholes, parts) = if merged { (new, old) } else { (old, new) };
        let mut candidates: BTreeMap<usize, Vec<(Reverse<u64>, usize)>> = BTreeMap::new();
        for ((old_index, new_index), bytes) in &shared {
            let (whole, part) = if merged { (*new_index, *old_index) } else { (*old_index, *new_index) };
            candidates.entry(whole).or_default().push((Reverse(*bytes), part));
        }
        for (whole, mut candidates) in candidates {
            let (used_wholes, used_parts) =
                if merged { (&mut used_new, &mut used_old) } else { (&mut used_old, &mut used_new) };
            candidates.sort_unstable();
            let name = &wholes.files[whole].0;
            candidates.retain(|(_, part)| {
                let part_name = &parts.files[*part].0;
                !used_parts.contains(part) && (part_name == name || !resized.contains(part_name))
            });
            let files = candidates.iter().map(|(_, part)| (*part, &parts.files[*part]));
            if used_wholes.contains(&whole) {
                continue;
            }
            let found = split(&wholes.files[whole].1, files)
                .filter(|found| !resized.contains(name) || found.iter().any(|(_, part)| part.name == *name));
            if let Some(found) = found {
                used_wholes.insert(whole);
                used_parts.extend(found.iter().map(|(part, _)| *part));
                let mut parts: Vec<_> = found.into_iter().map(|(_, part)| part).collect();
                parts.sort_by(|a, b| a.name.cmp(&b.name));
                splits.push(Split { whole: name.clone(), parts, merged });
            }
        }
    }
    splits
}

/// Return the parts of a file with their indexes; `None` if there are not several that contain it.
fn split<'a>(
    whole: &Print,
    candidates: impl Iterator<Item = (usize, &'a (String, Print))> + Clone,
) -> Option<Vec<(usize, SplitPart)>> {
    whole.lines?;
    let shift = candidates.clone().map(|(_, (_, print))| print.shift()).max()?.max(whole.shift());
    let mut rest: HashMap<u64, Part> = whole.sample(shift).map(|part| (part.hash, *part)).collect();
    let bytes = |print: &Print| print.sample(shift).map(Part::bytes).sum::<u64>();
    let (total, mut covered, mut parts) = (bytes(whole), 0, Vec::new());
    for (index, (name, print)) in candidates {
        let Some(lines) = print.lines else { continue };
        let Overlap { contained, fresh, count, shared } = overlap(&rest, whole, print, shift);
        let own = bytes(print);
        // Most of the part is in the whole file, and most of that is in no other part.
        if contained * 100 < own * CONTAINED || fresh * 2 < own || count < 2 || own >= total {
            continue;
        }
        for part in print.sample(shift) {
            if let Some(left) = rest.get_mut(&part.hash) {
                left.count = left.count.saturating_sub(part.count);
            }
        }
        covered += fresh;
        let shared = (shift == 0).then_some(shared);
        parts.push((index, SplitPart { name: name.clone(), shared, lines }));
    }
    (parts.len() > 1 && covered * 100 >= total * CONTAINED).then_some(parts)
}

/// The overlap of a part with a whole file.
struct Overlap {
    /// The bytes of the part that the whole file contains.
    contained: u64,
    /// The bytes of the part that the rest of the whole file contains.
    fresh: u64,
    /// The number of shared parts.
    count: u64,
    /// The number of lines of the part that the rest of the whole file contains.
    shared: u64,
}

fn overlap(rest: &HashMap<u64, Part>, whole: &Print, print: &Print, shift: u32) -> Overlap {
    let mut overlap = Overlap { contained: whole.overlap(print).shared, fresh: 0, count: 0, shared: 0 };
    for part in print.sample(shift) {
        if let Some(left) = rest.get(&part.hash) {
            let both = Part { count: part.count.min(left.count), ..*part };
            overlap.fresh += both.bytes();
            overlap.count += u64::from(both.count);
            overlap.shared += u64::from(both.count) * u64::from(both.ends_line);
        }
    }
    overlap
}

/// Find added files that are a copy with edits of a file that still exists.
///
/// The search reads files of a similar size, first those with a related name, up to a number of bytes, so that its time
/// depends on the added files and not on the size of the snapshot.
pub(crate) fn find_copies(
    left: &Tree,
    right: &Tree,
    added: &BTreeSet<String>,
    changed: &BTreeSet<&str>,
) -> Vec<Rename> {
    let added: Vec<&String> = added.iter().filter(|name| right.files[*name].side.bytes > 0).collect();
    if added.is_empty() || left.files.is_empty() {
        return Vec::new();
    }
    let mut sizes: Vec<u64> = added.iter().map(|name| right.files[*name].side.bytes).collect();
    let mut budget = COPY_BYTES.max(sizes.iter().sum::<u64>().saturating_mul(4));
    sizes.sort_unstable();
    let stems: BTreeSet<&str> = added.iter().flat_map(|name| words(name)).collect();
    let mut sources: Vec<(bool, bool, &String)> = Vec::new();
    for (name, entry) in left.files.iter().filter(|(name, _)| right.files.contains_key(*name)) {
        let (smallest, largest) =
            (entry.side.bytes / 100 * 80, entry.side.bytes.saturating_mul(100) / 80 + 1);
        let place = sizes.partition_point(|size| *size < smallest);
        if entry.side.bytes > 0 && sizes.get(place).is_some_and(|size| *size <= largest) {
            let related = words(name).any(|word| stems.contains(word));
            sources.push((!related, !changed.contains(name.as_str()), name));
        }
    }
    sources.sort_unstable();
    let affordable = |(_, _, name): &(bool, bool, &String)| {
        let fits = left.files[*name].side.bytes <= budget;
        budget = budget.saturating_sub(left.files[*name].side.bytes);
        fits
    };
    let sources: Vec<String> =
        sources.into_iter().take_while(affordable).map(|(_, _, name)| name.clone()).collect();
    let limit = limit(sources.len() + added.len());
    let new = Prints::read(right, added.into_iter().cloned().collect(), limit);
    let old = Prints::read(left, sources, limit);
    let mut best: BTreeMap<usize, (Reverse<u8>, usize)> = BTreeMap::new();
    for (percent, old_index, new_index) in find_similar(&old, &new, COPY) {
        let score = (Reverse(percent), old_index);
        best.entry(new_index).and_modify(|best| *best = score.min(*best)).or_insert(score);
    }
    let copy = |(new_index, (Reverse(percent), old_index)): (usize, (Reverse<u8>, usize))| {
        (old.files[old_index].0.clone(), new.files[new_index].0.clone(), percent)
    };
    best.into_iter().map(copy).collect()
}

/// Return the words of a file name without its extension, such as `x` and `copy` of `x_copy.csv`.
fn words(path: &str) -> impl Iterator<Item = &str> {
    let name = file_name(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}
