//! Alignment of two sequences. Small gaps are aligned with the fewest edits, large ones approximately.

use std::collections::HashMap;

/// The largest product of lengths of a gap that is aligned with the fewest edits without a search for anchors.
const EXACT: usize = 1 << 16;
/// The largest product of lengths of a gap without anchors that is aligned with the fewest edits.
const LAST_RESORT: usize = 1 << 22;
/// The largest number of nested divisions of a gap, so that no input takes quadratic time.
const DEPTH: u32 = 64;

/// A map from digests to small integers; equal contents get equal integers, in all inputs.
#[derive(Default)]
pub(crate) struct Interner(HashMap<u128, u32>);

impl Interner {
    pub(crate) fn id(&mut self, digest: u128) -> u32 {
        // The default size limit allows far fewer. A panic is better than the same integer for different contents.
        let next = u32::try_from(self.0.len()).expect("fewer than 2^32 different contents");
        *self.0.entry(digest).or_insert(next)
    }
}

/// Return 128 bits of a cryptographic hash; equal digests mean equal contents.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        // Hash the length too, so that ("ab", "c") and ("a", "bc") differ.
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(bytes)
}

/// Return pairs of positions with equal items; both positions increase from pair to pair.
pub(crate) fn align(old: &[u32], new: &[u32]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut todo = vec![(0..old.len(), 0..new.len(), 0)];
    while let Some((mut old_gap, mut new_gap, depth)) = todo.pop() {
        while !old_gap.is_empty() && !new_gap.is_empty() && old[old_gap.start] == new[new_gap.start] {
            pairs.push((old_gap.start, new_gap.start));
            (old_gap.start, new_gap.start) = (old_gap.start + 1, new_gap.start + 1);
        }
        while !old_gap.is_empty() && !new_gap.is_empty() && old[old_gap.end - 1] == new[new_gap.end - 1] {
            (old_gap.end, new_gap.end) = (old_gap.end - 1, new_gap.end - 1);
            pairs.push((old_gap.end, new_gap.end));
        }
        let (old_items, new_items) = (&old[old_gap.clone()], &new[new_gap.clone()]);
        let cells = old_items.len().saturating_mul(new_items.len());
        if cells == 0 {
            continue;
        }
        let divisible = cells > EXACT && depth < DEPTH;
        let anchors = if divisible { anchors(old_items, new_items) } else { Vec::new() };
        // Convert positions in the gap to positions in the sequence.
        let absolute = |(old_place, new_place)| (old_gap.start + old_place, new_gap.start + new_place);
        if anchors.is_empty() {
            let matches = if cells <= LAST_RESORT {
                longest(old_items, new_items)
            } else {
                sliding(old_items, new_items)
            };
            pairs.extend(matches.into_iter().map(absolute));
            continue;
        }
        let (mut old_start, mut new_start) = (old_gap.start, new_gap.start);
        for (old_anchor, new_anchor) in anchors.into_iter().map(absolute) {
            todo.push((old_start..old_anchor, new_start..new_anchor, depth + 1));
            pairs.push((old_anchor, new_anchor));
            (old_start, new_start) = (old_anchor + 1, new_anchor + 1);
        }
        todo.push((old_start..old_gap.end, new_start..new_gap.end, depth + 1));
    }
    pairs.sort_unstable();
    pairs
}

/// Return the positions of a longest strictly increasing subsequence.
pub(crate) fn increasing(items: &[usize]) -> Vec<usize> {
    // `tails[n]` is the position of the smallest item that ends an increasing sequence of n + 1.
    let mut tails: Vec<usize> = Vec::new();
    let mut before = vec![usize::MAX; items.len()];
    for (place, item) in items.iter().enumerate() {
        let length = tails.partition_point(|tail| items[*tail] < *item);
        if length > 0 {
            before[place] = tails[length - 1];
        }
        if length == tails.len() { tails.push(place) } else { tails[length] = place }
    }
    let mut chain = Vec::with_capacity(tails.len());
    let mut place = tails.last().copied().unwrap_or(usize::MAX);
    while place != usize::MAX {
        chain.push(place);
        place = before[place];
    }
    chain.reverse();
    chain
}

/// Return pairs of items that occur equally often on both sides, without those that changed their order.
fn anchors(old: &[u32], new: &[u32]) -> Vec<(usize, usize)> {
    let mut places: HashMap<u32, (Vec<usize>, usize)> = HashMap::new();
    for (place, item) in new.iter().enumerate() {
        places.entry(*item).or_default().0.push(place);
    }
    for item in old {
        if let Some((_, count)) = places.get_mut(item) {
            *count += 1;
        }
    }
    places.retain(|_, (places, count)| places.len() == *count);
    let mut pairs = Vec::new();
    for (place, item) in old.iter().enumerate() {
        if let Some((places, left)) = places.get_mut(item) {
            pairs.push((place, places[places.len() - *left]));
            *left -= 1;
        }
    }
    let order: Vec<usize> = pairs.iter().map(|pair| pair.1).collect();
    increasing(&order).into_iter().map(|place| pairs[place]).collect()
}

/// Return a longest common subsequence.
fn longest(old: &[u32], new: &[u32]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    // `best[row * width + column]` is the length for the items from these positions on.
    let mut best = vec![0u32; (old.len() + 1) * width];
    for row in (0..old.len()).rev() {
        for column in (0..new.len()).rev() {
            best[row * width + column] = if old[row] == new[column] {
                best[(row + 1) * width + column + 1] + 1
            } else {
                best[(row + 1) * width + column].max(best[row * width + column + 1])
            };
        }
    }
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while row < old.len() && column < new.len() {
        if old[row] == new[column] {
            pairs.push((row, column));
            (row, column) = (row + 1, column + 1);
        } else if best[(row + 1) * width + column] >= best[row * width + column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}

/// Return a common subsequence, found in one pass with a window that slides along both sequences.
fn sliding(old: &[u32], new: &[u32]) -> Vec<(usize, usize)> {
    const WINDOW: usize = 256;
    let window = |items: &[u32], start: usize| start..items.len().min(start + WINDOW);
    let (mut old_start, mut new_start, mut pairs) = (0, 0, Vec::new());
    while old_start < old.len() && new_start < new.len() {
        let matches = longest(&old[window(old, old_start)], &new[window(new, new_start)]);
        // Keep the first half only: the second half may align better with items after the window.
        let half = matches.into_iter().take_while(|pair| pair.0 < WINDOW / 2);
        let before = pairs.len();
        pairs.extend(half.map(|pair| (old_start + pair.0, new_start + pair.1)));
        new_start = if pairs.len() > before { pairs[pairs.len() - 1].1 + 1 } else { new_start + WINDOW / 2 };
        old_start += WINDOW / 2;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::random;

    fn check(old: &[u32], new: &[u32]) -> usize {
        let pairs = align(old, new);
        let increasing = |pair: &[(usize, usize)]| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1;
        assert!(pairs.windows(2).all(increasing), "not increasing");
        assert!(pairs.iter().all(|pair| old[pair.0] == new[pair.1]), "not equal");
        pairs.len()
    }

    #[test]
    fn small_sequences_have_the_fewest_edits() {
        for seed in 1..300 {
            let mut random = random(seed);
            let mut sequence = || (0..random(12)).map(|_| random(4) as u32).collect::<Vec<_>>();
            let (old, new) = (sequence(), sequence());
            assert_eq!(check(&old, &new), longest(&old, &new).len(), "{old:?} {new:?}");
        }
    }

    #[test]
    fn removed_items_do_not_affect_the_others() {
        let mut random = random(7);
        let old: Vec<u32> = (0..50_000).collect();
        let mut new = old.clone();
        for _ in 0..200 {
            new.remove(random(new.len() as u64) as usize);
        }
        assert_eq!(check(&old, &new), new.len());
    }

    #[test]
    fn large_shuffled_sequences_are_aligned_quickly() {
        let mut random = random(11);
        let mut shuffled: Vec<u32> = (0..100_000).collect();
        for place in (1..shuffled.len()).rev() {
            shuffled.swap(place, random(place as u64 + 1) as usize);
        }
        check(&(0..100_000).collect::<Vec<_>>(), &shuffled);
        let mut repetitive = || (0..20_000).map(|_| random(3) as u32).collect::<Vec<_>>();
        assert!(check(&repetitive(), &repetitive()) > 10_000);
    }

    #[test]
    fn longest_increasing_subsequence_is_found() {
        assert_eq!(increasing(&[3, 1, 2, 0, 4]), [1, 2, 4]);
        assert!(increasing(&[]).is_empty());
    }
}
