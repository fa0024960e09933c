//! Joins of two streams, to be read rather than to be fast: every rule of docs/semantics.md §10 on its own line.

/// A row of either side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) key: Option<String>,
    pub(crate) number: i64,
    pub(crate) micros: Option<i64>,
}

/// A row that comes out: the sides that are there.
pub(crate) type Joined = (Option<Item>, Option<Item>);

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
#[derive(Clone, Copy)]
pub(crate) struct Conditions {
    pub(crate) left: fn(&Item) -> bool,
    pub(crate) right: fn(&Item) -> bool,
    pub(crate) both: fn(&Item, &Item) -> bool,
}

impl Conditions {
    pub(crate) const NONE: Self = Self { left: |_| true, right: |_| true, both: |_, _| true };
}

impl Bounds {
    fn hold(self, left: &Item, right: &Item) -> bool {
        let inside = |time: i64, base: i64, lower: End, upper: End| {
            let (after, before) = (|(ms, inside)| (time - base, ms * 1_000, inside), time - base);
            lower.map(after).is_none_or(|(is, from, inside)| is > from || (inside && is == from))
                && upper.is_none_or(|(ms, inside)| before < ms * 1_000 || (inside && before == ms * 1_000))
        };
        match (self, left.micros, right.micros) {
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

struct Stored {
    item: Item,
    matched: bool,
}

/// A join's state between two batches.
pub(crate) struct Join {
    kind: Kind,
    bounds: Bounds,
    conditions: Conditions,
    left: Vec<Stored>,
    right: Vec<Stored>,
}

impl Join {
    pub(crate) fn new(kind: Kind, bounds: Bounds, conditions: Conditions) -> Self {
        Self { kind, bounds, conditions, left: Vec::new(), right: Vec::new() }
    }

    pub(crate) fn state_rows(&self) -> usize {
        self.left.len() + self.right.len()
    }

    /// 2.3: the watermark of the rows that come out.
    pub(crate) fn output_ms(&self, input_ms: i64) -> i64 {
        let (left, right) = self.bounds.state_watermarks();
        let least = [left, right].into_iter().flatten().map(|(ms, _)| input_ms + ms).min();
        if input_ms == 0 { 0 } else { least.map_or(input_ms, |least| least.min(input_ms)) }
    }

    fn matches(&self, left: &Item, right: &Item) -> bool {
        left.key.is_some()
            && left.key == right.key
            && self.bounds.hold(left, right)
            && (self.conditions.both)(left, right)
    }

    fn expects_partners(&self, item: &Item, condition: fn(&Item) -> bool) -> bool {
        condition(item) && (item.micros.is_some() || self.bounds == Bounds::Unbounded)
    }

    pub(crate) fn batch(
        &mut self,
        left: &[Item],
        right: &[Item],
        late_ms: i64,
        evict_ms: i64,
    ) -> Vec<Joined> {
        let Self { kind, .. } = *self;
        let keeps_left = matches!(kind, Kind::Left | Kind::Full | Kind::Anti);
        let keeps_right = matches!(kind, Kind::Right | Kind::Full);
        let pairs = !matches!(kind, Kind::Semi | Kind::Anti);
        let late = |item: &Item| item.micros.is_some_and(|micros| micros <= late_ms * 1_000);
        let (left_goes, right_goes) = self.bounds.state_watermarks();
        let goes = |item: &Item, at: End| match (item.micros, at) {
            (Some(micros), Some((ms, _))) => micros <= (evict_ms + ms) * 1_000,
            _ => false,
        };
        let mut out: Vec<Joined> = Vec::new();
        for item in left.iter().filter(|item| !late(item)) {
            if !self.expects_partners(item, self.conditions.left) {
                out.extend(keeps_left.then(|| (Some(item.clone()), None)));
                continue;
            }
            if item.key.is_none() && !keeps_left {
                continue;
            }
            let partners: Vec<usize> =
                (0..self.right.len()).filter(|&right| self.matches(item, &self.right[right].item)).collect();
            for &partner in &partners {
                self.right[partner].matched = true;
                if pairs {
                    out.push((Some(item.clone()), Some(self.right[partner].item.clone())));
                }
            }
            let matched = !partners.is_empty();
            if matched && kind == Kind::Semi {
                out.push((Some(item.clone()), None));
            }
            if pairs || !matched {
                self.left.push(Stored { item: item.clone(), matched });
            }
        }
        for item in right.iter().filter(|item| !late(item)) {
            if !self.expects_partners(item, self.conditions.right) {
                out.extend(keeps_right.then(|| (None, Some(item.clone()))));
                continue;
            }
            if item.key.is_none() && !keeps_right {
                continue;
            }
            let mut matched = false;
            for partner in 0..self.left.len() {
                if self.matches(&self.left[partner].item, item) {
                    matched = true;
                    let first = !std::mem::replace(&mut self.left[partner].matched, true);
                    let left = Some(self.left[partner].item.clone());
                    if pairs {
                        out.push((left, Some(item.clone())));
                    } else if kind == Kind::Semi && first {
                        out.push((left, None));
                    }
                }
            }
            // 10.5
            if !goes(item, right_goes) || (keeps_right && !matched) {
                self.right.push(Stored { item: item.clone(), matched });
            }
        }
        for gone in self.left.extract_if(.., |stored| goes(&stored.item, left_goes)) {
            out.extend((keeps_left && !gone.matched).then_some((Some(gone.item), None)));
        }
        for gone in self.right.extract_if(.., |stored| goes(&stored.item, right_goes)) {
            out.extend((keeps_right && !gone.matched).then_some((None, Some(gone.item))));
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
}

impl Watermarks {
    pub(crate) fn new(delays_ms: &[i64]) -> Self {
        let reached_ms = vec![0; delays_ms.len()];
        Self { delays_ms: delays_ms.to_vec(), reached_ms, late_ms: 0, evict_ms: 0, next_ms: 0 }
    }

    /// The query is started again: as in Spark, an input that has had no row since then holds the watermark where it was.
    pub(crate) fn restart(&mut self) {
        self.reached_ms.fill(0);
    }

    /// Whether a batch without rows follows.
    pub(crate) fn moved(&self) -> bool {
        self.next_ms > self.evict_ms
    }

    /// Starts a batch of which each input has these rows.
    pub(crate) fn batch(&mut self, inputs: &[&[Item]]) {
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
