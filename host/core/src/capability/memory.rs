//! The limits of an instance's memories and tables. All memories count together, and all tables.

use wasmtime::ResourceLimiter;

use super::account::{Account, Charge, Held};
use crate::config::{self, Limit, Limits};

/// How much an instance has of both, and what it was refused.
#[derive(Debug)]
pub struct Memory {
    memories: Sum,
    tables: Sum,
    refused: Option<(Limit, String)>,
    /// The memories, in the site's account.
    charge: Charge,
}

/// How much the memories, or the tables, have together. None of them ever shrinks.
#[derive(Debug)]
struct Sum {
    limit: Limit,
    unit: &'static str,
    used: usize,
    allowed: usize,
}

impl Memory {
    pub fn new(limits: &Limits, account: &Account) -> Self {
        let sum = |limit, unit, allowed| Sum { limit, unit, used: 0, allowed };
        Self {
            memories: sum(Limit::Memory, " bytes", config::bytes(limits.memory)),
            tables: sum(Limit::TableElements, "", limits.table_elements),
            refused: None,
            charge: account.memory().charge(Held::Instances),
        }
    }

    /// The limit that the instance exceeded, and the message about the trap that followed.
    pub fn refused(&self) -> Option<&(Limit, String)> {
        self.refused.as_ref()
    }
}

impl Sum {
    /// Whether a memory or table may grow. A new one grows from zero.
    fn grow(
        &mut self,
        (current, desired, maximum): (usize, usize, Option<usize>),
        refused: &mut Option<(Limit, String)>,
    ) -> bool {
        // A memory does not grow beyond its own maximum. So the refused bytes do not count, and no
        // limit of the site's is reported.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.allowed {
            let Self { limit, unit, allowed, .. } = self;
            let message =
                format!("`{limit}` allows {allowed}{unit}, the instance asked for {used}");
            *refused = Some((*limit, message));
            return false;
        }
        self.used = used;
        true
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let before = self.memories.used;
        if !self.memories.grow((current, desired, maximum), &mut self.refused) {
            return Ok(false);
        }
        let charged = match before {
            0 => self.charge.try_begin(self.memories.used),
            _ => self.charge.try_set(self.memories.used),
        };
        if let Err(over) = charged {
            self.memories.used = before;
            self.refused = Some((over.limit, over.to_string()));
        }
        Ok(charged.is_ok())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.tables.grow((current, desired, maximum), &mut self.refused))
    }
}

#[cfg(test)]
mod tests {
    use bytesize::ByteSize;

    use super::*;

    fn memory() -> Memory {
        let limits = Limits { memory: ByteSize::b(100), table_elements: 10, ..Limits::default() };
        Memory::new(&limits, &Account::new("site".into()))
    }

    #[test]
    fn memories_and_tables_count_together() {
        let mut own = memory();
        assert!(own.memory_growing(0, 40, None).unwrap());
        assert!(own.memory_growing(0, 40, None).unwrap(), "the second one");
        assert!(own.memory_growing(40, 60, None).unwrap());
        assert!(!own.memory_growing(40, 41, None).unwrap());
        let (limit, message) = own.refused().unwrap();
        assert_eq!(*limit, Limit::Memory);
        assert_eq!(message, "`limits.memory` allows 100 bytes, the instance asked for 101");
        assert!(own.table_growing(0, 5, None).unwrap());
        assert!(own.table_growing(0, 5, None).unwrap());
        assert!(!own.table_growing(5, 6, None).unwrap());
        assert_eq!(own.refused().unwrap().0, Limit::TableElements);
    }

    #[test]
    fn what_does_not_grow_does_not_count() {
        let mut own = memory();
        assert!(!own.memory_growing(0, 60, Some(50)).unwrap());
        assert!(!own.memory_growing(0, 101, None).unwrap());
        assert!(own.memory_growing(0, 100, Some(100)).unwrap());
        assert!(!own.memory_growing(100, usize::MAX, None).unwrap(), "no number overflows");
    }
}
