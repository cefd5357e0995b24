//! Which shard runs on which core.

use std::fmt;

use ringway_core::config::ShardCount;
use ringway_core::config::defaults::SHARDS_MAX;

/// The core of each shard, by the shard's number. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement(Vec<usize>);

impl Placement {
    /// As many shards as asked for, else one per core. More shards than cores go round.
    ///
    /// # Panics
    /// When there is no core: the kernel never says so of a running process.
    pub(super) fn new(shards: Option<ShardCount>, cores: &[usize]) -> Placement {
        assert!(!cores.is_empty(), "a running process has a core");
        let shards = shards.map_or(cores.len().min(SHARDS_MAX.into()), |shards| shards.get().into());
        Placement(cores.iter().copied().cycle().take(shards).collect())
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> usize {
        self.0.len()
    }

    /// Each shard's number and core.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, usize)> {
        self.0.iter().enumerate().map(|(id, core)| (id as u16, *core))
    }
}

/// `4 shards on cores 0-2,5`.
impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cores = self.0.clone();
        cores.sort_unstable();
        cores.dedup();
        let shards = self.shards();
        write!(f, "{shards} shard{} on core{} ", plural(shards), plural(cores.len()))?;
        let runs = cores.chunk_by(|a, b| a + 1 == *b);
        for (n, run) in runs.enumerate() {
            let separator = if n == 0 { "" } else { "," };
            match run {
                [first, .., last] => write!(f, "{separator}{first}-{last}")?,
                single => write!(f, "{separator}{}", single[0])?,
            }
        }
        Ok(())
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(shards: u16, cores: &[usize]) -> Placement {
        Placement::new(ShardCount::new(shards), cores)
    }

    #[test]
    fn each_core_gets_a_shard_unless_told_otherwise() {
        assert_eq!(placed(0, &[1, 3]).0, [1, 3]);
        assert_eq!(placed(1, &[1, 3]).0, [1]);
    }

    #[test]
    fn more_shards_than_cores_go_round() {
        assert_eq!(placed(5, &[1, 3]).0, [1, 3, 1, 3, 1]);
    }

    #[test]
    fn a_machine_beyond_the_largest_process_is_not_filled() {
        let cores: Vec<usize> = (0..2000).collect();
        assert_eq!(placed(0, &cores).shards(), usize::from(SHARDS_MAX));
    }

    #[test]
    fn cores_are_told_as_ranges() {
        assert_eq!(placed(0, &[0]).to_string(), "1 shard on core 0");
        assert_eq!(placed(3, &[0, 1]).to_string(), "3 shards on cores 0-1");
        assert_eq!(placed(0, &[0, 1, 2, 5, 7, 8]).to_string(), "6 shards on cores 0-2,5,7-8");
    }
}
