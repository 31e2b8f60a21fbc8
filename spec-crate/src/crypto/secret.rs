//! Bytes that must not outlive their use.

use alloc::boxed::Box;

use zeroize::Zeroize;

/// A secret of `N` bytes, erased when it is dropped.
///
/// It stands on the heap, so moving it leaves no copy behind. It has no `Debug`, `Clone` or `PartialEq`: a secret is
/// not printed, not copied by accident, and compared only in constant time by whoever owns the comparison.
///
/// ```compile_fail,E0277
/// let secret = hispos::crypto::Secret::<32>::new([7; 32]);
/// println!("{secret:?}");
/// ```
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Takes the bytes over. The caller's own copy, if it keeps one, is the caller's to erase.
    ///
    /// The argument is not overwritten here: rustc 1.95 may pass a constant array by reference to the constant itself
    /// when a closure forwards it, and the next use of that constant would read zeros.
    pub fn new(bytes: [u8; N]) -> Self {
        Self(Box::new(bytes))
    }

    /// Makes a secret in place: `fill` writes every byte of a zeroed array.
    pub(crate) fn make(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut secret = Self(Box::new([0; N]));
        fill(&mut secret.0);
        secret
    }

    /// The bytes, for a cryptographic operation or the program's own key store.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
