//! Sizes of a ring and its buffers, each with its reason.

/// How large an engine's queues and buffer groups are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Submission queue entries. A fuller turn submits in several system calls.
    pub sq_entries: u32,
    /// Completion queue entries. At least twice what one turn may complete at once, or multishot operations are ended
    /// by the kernel and have to be started again.
    pub cq_entries: u32,
    /// Buffers for what clients send: heads, small bodies.
    pub accepted: GroupSettings,
    /// Buffers for what backends send: heads with the small body behind them.
    pub connected: GroupSettings,
    /// Buffers for bodies.
    pub bulk: GroupSettings,
    /// Pipes for splicing, made as they are needed: two descriptors each. Every transfer whose receiver is slower than
    /// its sender holds one; when all are held, others copy. Zero: nothing is spliced.
    pub pipes_max: u32,
    /// Room in a pipe. The kernel is asked for it and may give less; it rounds up to pages.
    pub pipe_bytes: u32,
}

/// One group of receive buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupSettings {
    /// Size of a buffer.
    pub buffer_bytes: u32,
    /// How many to start with, and how many to add when they run out.
    pub initial: u16,
    /// How many there may be: a power of two, at most 32,768.
    pub max: u16,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sq_entries: 1024,
            cq_entries: 8192,
            // A request head is rarely over 2 KiB; 64 of them are 256 KiB and stay in the cache.
            accepted: GroupSettings { buffer_bytes: 4 * 1024, initial: 64, max: 8192 },
            // A typical answer with its body in one piece.
            connected: GroupSettings { buffer_bytes: 16 * 1024, initial: 32, max: 4096 },
            // 64 KiB a piece costs 91 µs per 256 KiB body, 4 KiB costs 229 µs.
            bulk: GroupSettings { buffer_bytes: 64 * 1024, initial: 16, max: 1024 },
            // 16 MiB: a quarter of what an unprivileged user may have in all (`fs.pipe-user-pages-soft`). Beyond that there
            // are no useful pipes, and bodies are copied.
            pipes_max: 64,
            // A body of 256 KiB costs 71 µs by copy, 63 µs through 64 KiB, 53 µs through 256 KiB, 50 µs through 1 MiB. From
            // a network, where a page of the pipe holds one segment of 1,448 bytes, size counts for more.
            pipe_bytes: 256 * 1024,
        }
    }
}

impl Settings {
    pub(crate) fn groups(&self) -> [GroupSettings; 3] {
        [self.accepted, self.connected, self.bulk]
    }

    /// Says what is wrong with the sizes, if anything is.
    ///
    /// # Errors
    /// The size at fault and its bound.
    pub fn validate(&self) -> Result<(), &'static str> {
        if self.sq_entries == 0 || self.cq_entries < self.sq_entries {
            return Err(
                "the completion queue must be at least as large as the submission queue, which is not empty",
            );
        }
        for group in self.groups() {
            if !group.max.is_power_of_two() || group.max > 32_768 {
                return Err("a buffer group's maximum must be a power of two up to 32,768");
            }
            if group.initial == 0 || group.buffer_bytes == 0 || group.buffer_bytes > 1 << 30 {
                return Err("a buffer group needs buffers of one byte to 1 GiB, and at least one of them");
            }
        }
        if self.pipe_bytes == 0 || self.pipe_bytes > 1 << 30 {
            return Err("a pipe needs room for one byte to 1 GiB");
        }
        Ok(())
    }
}
