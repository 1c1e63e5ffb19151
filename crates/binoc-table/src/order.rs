//! The order of matched rows.

use std::collections::BTreeMap;

/// Rows that follow each other in both tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) old: u64,
    pub(crate) new: u64,
    /// The number of rows from the first to the last.
    length: u64,
    /// The number of matched rows among them; less than `length` if the run has gaps.
    rows: u64,
}

impl Run {
    pub(crate) fn new(old: u64, new: u64, rows: u64) -> Self {
        Self { old, new, length: rows, rows }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    fn is_followed_by(&self, next: &Self) -> bool {
        (self.old + self.length, self.new + self.length) == (next.old, next.new)
    }

    /// Append a run on the same diagonal.
    fn append(&mut self, next: &Self) {
        self.length = next.old + next.length - self.old;
        self.rows += next.rows;
    }
}

/// The matched rows as runs, up to a limit of their number.
#[derive(Debug)]
pub(crate) struct Runs {
    runs: Vec<Run>,
    limit: usize,
    /// Whether runs were joined over gaps to save memory. Rows that moved into a gap then count as one each.
    gaps: bool,
    /// Whether runs were dropped, so that the order is not known.
    overflow: bool,
}

/// The smallest set of rows whose move explains the new order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) rows: u64,
    /// The first moved rows, as positions in the older table.
    pub(crate) first: Vec<u64>,
    /// Whether all rows are in reverse order.
    pub(crate) reversed: bool,
    /// Whether `rows` is only an upper bound.
    pub(crate) at_most: bool,
}

impl Runs {
    pub(crate) fn new(memory: u64) -> Self {
        // A run also needs two numbers in the search for the heaviest chain.
        let limit = usize::try_from(memory / 48).unwrap_or(usize::MAX).max(16);
        Self { runs: Vec::new(), limit, gaps: false, overflow: false }
    }

    pub(crate) fn push(&mut self, run: Run) {
        if let Some(last) = self.runs.last_mut()
            && last.is_followed_by(&run)
        {
            last.append(&run);
            return;
        }
        if self.runs.len() >= self.limit {
            self.compact();
        }
        if !self.overflow {
            self.runs.push(run);
        }
    }

    /// Use less memory from now on.
    pub(crate) fn shrink(&mut self) {
        self.limit /= 4;
        if self.runs.len() >= self.limit {
            self.compact();
        }
        self.runs.shrink_to_fit();
    }

    /// Halve the number of runs, or forget them.
    fn compact(&mut self) {
        self.sort();
        if self.runs.len() > self.limit / 2 {
            self.join_over_gaps();
        }
        if self.runs.len() > self.limit / 2 {
            self.overflow = true;
            self.runs = Vec::new();
        }
    }

    /// Return the used memory in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.runs.capacity() * size_of::<Run>()) as u64
    }

    /// Return whether all rows follow each other in both tables.
    pub(crate) fn is_one(&self) -> bool {
        self.runs.len() < 2 && !self.overflow
    }

    /// Sort the runs by their place in the older table and join those that follow each other.
    fn sort(&mut self) {
        self.runs.sort_unstable();
        self.runs.dedup_by(|next, run| {
            let follows = run.is_followed_by(next);
            if follows {
                run.append(next);
            }
            follows
        });
    }

    /// Join neighbouring runs with the same number of rows between them in both tables.
    fn join_over_gaps(&mut self) {
        self.gaps = true;
        self.runs.dedup_by(|next, run| {
            // A row that was matched after a join can be inside the run; it stays on its own.
            let follows = next.old >= run.old + run.length
                && next.new >= run.new + run.length
                && next.old - run.old == next.new - run.new;
            if follows {
                run.append(next);
            }
            follows
        });
    }

    /// Return the rows that moved, with at most `limit` of them; `None` if there were too many runs.
    pub(crate) fn moved(&mut self, limit: usize) -> Option<Moved> {
        if self.overflow {
            return None;
        }
        self.sort();
        if self.gaps {
            self.fill_gaps();
            self.join_over_gaps();
        }
        let stayed = self.heaviest_chain();
        let mut moved = Moved { at_most: self.gaps, ..Moved::default() };
        let mut stayed = stayed.into_iter().peekable();
        for (place, run) in self.runs.iter().enumerate() {
            if stayed.next_if_eq(&place).is_none() {
                moved.rows += run.rows;
                let free = limit - moved.first.len();
                moved.first.extend((run.old..run.old + run.length).take(free));
            }
        }
        let single = |run: &Run| run.rows == 1;
        let falls = |pair: &[Run]| pair[0].new == pair[1].new + 1 && pair[1].old == pair[0].old + 1;
        moved.at_most &= moved.rows > 0;
        moved.reversed =
            self.runs.len() > 2 && self.runs.iter().all(single) && self.runs.windows(2).all(falls);
        Some(moved)
    }

    /// Remove the single rows in the gap of a run that are on its diagonal.
    fn fill_gaps(&mut self) {
        self.runs.dedup_by(|next, run| {
            let inside = next.old + next.length <= run.old + run.length
                && next.new.wrapping_sub(next.old) == run.new.wrapping_sub(run.old);
            if inside {
                run.rows += next.rows;
            }
            inside
        });
    }

    /// Return the runs of the increasing chain with the most rows, which did not move.
    fn heaviest_chain(&self) -> Vec<usize> {
        const NONE: usize = usize::MAX;
        // For the start of a run in the newer table: the rows of the best chain that ends with it, and the run. More
        // to the right, chains have more rows; others are removed.
        let mut ends: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
        let mut before = vec![NONE; self.runs.len()];
        for (place, run) in self.runs.iter().enumerate() {
            let best = ends.range(..run.new).next_back().map(|(_, end)| *end);
            let rows = run.rows + best.map_or(0, |(rows, _)| rows);
            before[place] = best.map_or(NONE, |(_, place)| place);
            while let Some((start, (other, _))) = ends.range(run.new..).next()
                && *other <= rows
            {
                let start = *start;
                ends.remove(&start);
            }
            ends.insert(run.new, (rows, place));
        }
        let mut chain = Vec::new();
        let mut place = ends.last_key_value().map_or(NONE, |(_, (_, place))| *place);
        while place != NONE {
            chain.push(place);
            place = before[place];
        }
        chain.reverse();
        chain
    }

    /// Return the runs that did not move, in order, with an empty one at the end of both tables.
    pub(crate) fn fences(&mut self, old_rows: u64, new_rows: u64) -> Vec<Run> {
        self.sort();
        let mut fences: Vec<Run> = self.heaviest_chain().into_iter().map(|place| self.runs[place]).collect();
        fences.push(Run::new(old_rows, new_rows, 0));
        fences
    }
}

/// Return the positions of a longest increasing subsequence.
pub(crate) fn increasing(items: &[usize]) -> Vec<usize> {
    let mut runs = Runs::new(u64::MAX);
    // Two apart, so that items do not join.
    let single = |(place, item): (usize, &usize)| Run::new(2 * place as u64, 2 * *item as u64, 1);
    runs.runs = items.iter().enumerate().map(single).collect();
    runs.heaviest_chain()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(order: &[u64]) -> Moved {
        let mut runs = Runs::new(1 << 20);
        for (old, new) in order.iter().enumerate() {
            runs.push(Run::new(old as u64, *new, 1));
        }
        runs.moved(3).unwrap()
    }

    #[test]
    fn fewest_rows_moved() {
        assert_eq!(moved(&[0, 1, 2, 3]), Moved::default());
        assert_eq!(moved(&[0, 3, 1, 2]).first, [1]);
        assert_eq!(moved(&[4, 5, 6, 7, 0, 1, 2]).rows, 3);
        let reversed = moved(&[4, 3, 2, 1, 0]);
        assert!(reversed.reversed && reversed.rows == 4 && reversed.first.len() == 3);
    }

    #[test]
    fn longest_increasing_subsequence_is_found() {
        assert_eq!(increasing(&[3, 1, 2, 0, 4]), [1, 2, 4]);
        assert!(increasing(&[]).is_empty());
    }

    #[test]
    fn too_many_runs_are_joined_over_edited_rows_or_are_not_an_order() {
        // Every second row is edited in place, and matched later.
        let mut runs = Runs::new(20 * 48);
        for row in (0..1000).step_by(2).chain((1..1000).step_by(2)) {
            runs.push(Run::new(row, row, 1));
        }
        assert_eq!(runs.moved(1).map(|moved| moved.rows), Some(0));
        let mut runs = Runs::new(20 * 48);
        for row in 0..1000 {
            runs.push(Run::new(row, (row * 7919) % 1000 * 2, 1));
        }
        assert_eq!(runs.moved(1), None);
    }
}
