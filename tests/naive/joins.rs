//! Joins of two streams, to be read rather than to be fast: every rule of docs/semantics.md §10 on its own line.

/// A row of either side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) key: Option<String>,
    pub(crate) number: i64,
    pub(crate) micros: Option<i64>,
}

/// What a join sees of its rows.
pub(crate) trait Side: Clone {
    fn key(&self) -> Option<&str>;
    fn micros(&self) -> Option<i64>;
}

impl Side for Item {
    fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
    fn micros(&self) -> Option<i64> {
        self.micros
    }
}

/// What an inner or a left join has made goes on with the key and the event time of its left row.
impl<R: Clone> Side for (Item, R) {
    fn key(&self) -> Option<&str> {
        self.0.key()
    }
    fn micros(&self) -> Option<i64> {
        self.0.micros
    }
}

/// And what a right join has made, with those of its right row.
impl<L: Clone> Side for (Option<L>, Item) {
    fn key(&self) -> Option<&str> {
        self.1.key()
    }
    fn micros(&self) -> Option<i64> {
        self.1.micros
    }
}

/// A row that comes out: the sides that are there.
pub(crate) type Joined<L = Item, R = Item> = (Option<L>, Option<R>);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Inner,
    Left,
    Right,
    Full,
    Semi,
    Anti,
}

/// Where a range ends: how many ms behind the base, and whether that instant is inside.
pub(crate) type End = Option<(i64, bool)>;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bounds {
    /// `within right in left + .0 .. left + .1`
    RightIn(End, End),
    /// `within left in right + .0 .. right + .1`
    LeftIn(End, End),
    /// The event times are equal.
    SameTime,
    Unbounded,
}

/// What has to hold beside the key: of one side alone, and of both.
pub(crate) struct Conditions<L = Item, R = Item> {
    pub(crate) left: fn(&L) -> bool,
    pub(crate) right: fn(&R) -> bool,
    pub(crate) both: fn(&L, &R) -> bool,
}

impl<L, R> Conditions<L, R> {
    pub(crate) const NONE: Self = Self { left: |_| true, right: |_| true, both: |_, _| true };
}

impl Bounds {
    fn hold(self, left: Option<i64>, right: Option<i64>) -> bool {
        let inside = |time: i64, base: i64, lower: End, upper: End| {
            let (after, before) = (|(ms, inside)| (time - base, ms * 1_000, inside), time - base);
            lower.map(after).is_none_or(|(is, from, inside)| is > from || (inside && is == from))
                && upper.is_none_or(|(ms, inside)| before < ms * 1_000 || (inside && before == ms * 1_000))
        };
        match (self, left, right) {
            (Self::Unbounded, ..) => true,
            (_, None, _) | (.., None) => false,
            (Self::RightIn(lower, upper), Some(left), Some(right)) => inside(right, left, lower, upper),
            (Self::LeftIn(lower, upper), Some(left), Some(right)) => inside(left, right, lower, upper),
            (Self::SameTime, Some(left), Some(right)) => left == right,
        }
    }

    /// 10.7: how many ms before the watermark rows of the left and of the right side go.
    fn state_watermarks(self) -> (End, End) {
        // this >= other + ms
        let from_below = |end: End| end.map(|(ms, inside)| (ms - i64::from(inside), true));
        // this <= other + ms is other >= this - ms
        let from_above = |end: End| end.map(|(ms, inside)| (-ms - i64::from(inside), true));
        match self {
            Self::RightIn(lower, upper) => (from_above(upper), from_below(lower)),
            Self::LeftIn(lower, upper) => (from_below(lower), from_above(upper)),
            Self::SameTime => (Some((0, true)), Some((0, true))),
            Self::Unbounded => (None, None),
        }
    }
}

struct Stored<T> {
    row: T,
    matched: bool,
}

/// A join's state between two batches.
pub(crate) struct Join<L = Item, R = Item> {
    kind: Kind,
    bounds: Bounds,
    conditions: Conditions<L, R>,
    left: Vec<Stored<L>>,
    right: Vec<Stored<R>>,
}

impl<L: Side, R: Side> Join<L, R> {
    pub(crate) fn new(kind: Kind, bounds: Bounds, conditions: Conditions<L, R>) -> Self {
        Self { kind, bounds, conditions, left: Vec::new(), right: Vec::new() }
    }

    pub(crate) fn state_rows(&self) -> u64 {
        (self.left.len() + self.right.len()) as u64
    }

    /// 2.3: the watermark of the rows that come out.
    pub(crate) fn output_ms(&self, input_ms: i64) -> i64 {
        let (left, right) = self.bounds.state_watermarks();
        let least = [left, right].into_iter().flatten().map(|(ms, _)| input_ms + ms).min();
        // 1.8: from the start, the rows of before 1970 are late.
        least.map_or(input_ms, |least| least.min(input_ms)).max(0)
    }

    fn matches(&self, left: &L, right: &R) -> bool {
        left.key().is_some()
            && left.key() == right.key()
            && self.bounds.hold(left.micros(), right.micros())
            && (self.conditions.both)(left, right)
    }

    fn expects_partners<T: Side>(&self, row: &T, condition: fn(&T) -> bool) -> bool {
        condition(row) && (row.micros().is_some() || self.bounds == Bounds::Unbounded)
    }

    pub(crate) fn batch(
        &mut self,
        left: &[L],
        right: &[R],
        late_ms: i64,
        evict_ms: i64,
    ) -> Vec<Joined<L, R>> {
        let Self { kind, .. } = *self;
        let keeps_left = matches!(kind, Kind::Left | Kind::Full | Kind::Anti);
        let keeps_right = matches!(kind, Kind::Right | Kind::Full);
        let pairs = !matches!(kind, Kind::Semi | Kind::Anti);
        let late = |micros: Option<i64>| micros.is_some_and(|micros| micros <= late_ms * 1_000);
        let (left_goes, right_goes) = self.bounds.state_watermarks();
        let goes = |micros: Option<i64>, at: End| match (micros, at) {
            (Some(micros), Some((ms, _))) => micros <= (evict_ms + ms) * 1_000,
            _ => false,
        };
        let mut out: Vec<Joined<L, R>> = Vec::new();
        for row in left.iter().filter(|row| !late(row.micros())) {
            if !self.expects_partners(row, self.conditions.left) {
                out.extend(keeps_left.then(|| (Some(row.clone()), None)));
                continue;
            }
            if row.key().is_none() && !keeps_left {
                continue;
            }
            let partners: Vec<usize> =
                (0..self.right.len()).filter(|&right| self.matches(row, &self.right[right].row)).collect();
            for &partner in &partners {
                self.right[partner].matched = true;
                if pairs {
                    out.push((Some(row.clone()), Some(self.right[partner].row.clone())));
                }
            }
            let matched = !partners.is_empty();
            if matched && kind == Kind::Semi {
                out.push((Some(row.clone()), None));
            }
            if pairs || !matched {
                self.left.push(Stored { row: row.clone(), matched });
            }
        }
        for row in right.iter().filter(|row| !late(row.micros())) {
            if !self.expects_partners(row, self.conditions.right) {
                out.extend(keeps_right.then(|| (None, Some(row.clone()))));
                continue;
            }
            if row.key().is_none() && !keeps_right {
                continue;
            }
            let mut matched = false;
            for partner in 0..self.left.len() {
                if self.matches(&self.left[partner].row, row) {
                    matched = true;
                    let first = !std::mem::replace(&mut self.left[partner].matched, true);
                    let left = Some(self.left[partner].row.clone());
                    if pairs {
                        out.push((left, Some(row.clone())));
                    } else if kind == Kind::Semi && first {
                        out.push((left, None));
                    }
                }
            }
            // 10.5
            if !goes(row.micros(), right_goes) || (keeps_right && !matched) {
                self.right.push(Stored { row: row.clone(), matched });
            }
        }
        for gone in self.left.extract_if(.., |stored| goes(stored.row.micros(), left_goes)) {
            out.extend((keeps_left && !gone.matched).then_some((Some(gone.row), None)));
        }
        for gone in self.right.extract_if(.., |stored| goes(stored.row.micros(), right_goes)) {
            out.extend((keeps_right && !gone.matched).then_some((None, Some(gone.row))));
        }
        out
    }
}

/// The watermark of several inputs with a delay each.
pub(crate) struct Watermarks {
    delays_ms: Vec<i64>,
    /// How far each input has got in this run of the query.
    reached_ms: Vec<i64>,
    pub(crate) late_ms: i64,
    pub(crate) evict_ms: i64,
    next_ms: i64,
    /// Whether an operator waits for the watermark.
    pub(crate) wait: bool,
}

impl Watermarks {
    pub(crate) fn new(delays_ms: &[i64]) -> Self {
        let reached_ms = vec![0; delays_ms.len()];
        Self { delays_ms: delays_ms.to_vec(), reached_ms, late_ms: 0, evict_ms: 0, next_ms: 0, wait: true }
    }

    /// The query is started again: as in Spark, an input that has had no row since then holds the watermark where it was.
    pub(crate) fn restart(&mut self) {
        self.reached_ms.fill(0);
    }

    pub(crate) fn inputs(&self) -> usize {
        self.delays_ms.len()
    }

    /// Whether a batch without rows follows.
    pub(crate) fn moved(&self) -> bool {
        self.wait && self.next_ms > self.evict_ms
    }

    /// Starts a batch of which each input has these rows.
    pub(crate) fn batch(&mut self, inputs: &[Vec<Item>]) {
        self.late_ms = self.evict_ms;
        self.evict_ms = self.next_ms;
        for ((rows, delay), reached) in inputs.iter().zip(&self.delays_ms).zip(&mut self.reached_ms) {
            for micros in rows.iter().filter_map(|row| row.micros) {
                *reached = (*reached).max(micros.div_euclid(1_000) - delay);
            }
        }
        self.next_ms = self.next_ms.max(self.reached_ms.iter().copied().min().unwrap_or(0));
    }
}
