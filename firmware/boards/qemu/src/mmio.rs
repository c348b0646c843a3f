//! Registers by address. The only place that reads and writes them.

/// A 32-bit register.
#[derive(Clone, Copy)]
pub(crate) struct Register(usize);

impl Register {
    /// The register at an address of the AN386's memory map.
    ///
    /// # Safety
    /// The address is that of a 32-bit device register of this board, and is 4-byte aligned.
    pub(crate) const unsafe fn at(address: usize) -> Self {
        Self(address)
    }

    pub(crate) fn read(self) -> u32 {
        // SAFETY: `at` was promised that a register is there; device registers may be read at any time.
        unsafe { core::ptr::with_exposed_provenance::<u32>(self.0).read_volatile() }
    }

    pub(crate) fn write(self, value: u32) {
        // SAFETY: as for `read`; registers are no memory that Rust knows of, so nothing is aliased.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>(self.0).write_volatile(value) }
    }
}

/// A device: registers at offsets from a base.
#[derive(Clone, Copy)]
pub(crate) struct Block(usize);

impl Block {
    /// The device at a base address of the AN386's memory map.
    ///
    /// # Safety
    /// A device of this board has its registers there, and every offset used with it is one of theirs.
    pub(crate) const unsafe fn at(base: usize) -> Self {
        Self(base)
    }

    pub(crate) const fn register(self, offset: usize) -> Register {
        // SAFETY: `Block::at` was promised it.
        unsafe { Register::at(self.0 + offset) }
    }
}
