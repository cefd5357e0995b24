//! Median and spread of a handful of measurements.

/// Order statistics of one quantity over the rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The smallest value.
    pub(crate) min: f64,
    /// A quarter of the values lie below it.
    pub(crate) lower_quartile: f64,
    /// Half of the values lie below it.
    pub(crate) median: f64,
    /// A quarter of the values lie above it.
    pub(crate) upper_quartile: f64,
    /// The largest value.
    pub(crate) max: f64,
}

impl Spread {
    /// Statistics of the given values; `None` when there is none, or one is not a number.
    ///
    /// Quantiles between two values are interpolated linearly (Hyndman and Fan's type 7).
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        if sorted.is_empty() || sorted.iter().any(|value| value.is_nan()) {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            let place = share * (sorted.len() - 1) as f64;
            let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Some(Spread {
            min: quantile(0.0),
            lower_quartile: quantile(0.25),
            median: quantile(0.5),
            upper_quartile: quantile(0.75),
            max: quantile(1.0),
        })
    }

    /// The distance from the smallest to the largest value, as a share of the median.
    pub(crate) fn width(&self) -> f64 {
        (self.max - self.min) / self.median
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn an_odd_number_of_values_has_its_middle_one_as_median() {
        let spread = Spread::of([5.0, 1.0, 4.0, 2.0, 3.0]).unwrap();
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 3.0, 5.0));
        assert_eq!((spread.lower_quartile, spread.upper_quartile), (2.0, 4.0));
        assert_eq!(spread.width(), 4.0 / 3.0);
    }

    #[test]
    fn an_even_number_of_values_has_the_mean_of_the_middle_two_as_median() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(spread.median, 2.5);
        assert_eq!((spread.lower_quartile, spread.upper_quartile), (1.75, 3.25));
    }

    #[test]
    fn one_value_is_all_of_its_own_statistics() {
        let spread = Spread::of([7.5]).unwrap();
        assert_eq!((spread.min, spread.median, spread.max), (7.5, 7.5, 7.5));
        assert_eq!(spread.width(), 0.0);
    }

    #[test]
    fn nothing_and_not_a_number_have_no_statistics() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([1.0, f64::NAN]), None);
    }
}
