//! A value that must not be seen: hidden in `Debug`, wiped when dropped, absent from every serialised form.

use std::fmt;

use zeroize::Zeroize;

/// Holds a secret. There is no `Display` and no `Serialize`: whoever needs the value writes [`Secret::expose`],
/// which is easy to find.
#[derive(Clone)]
pub struct Secret<T: Zeroize = String>(T);

impl<T: Zeroize> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one call that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + Default> Secret<T> {
    /// The same, for the one place that hands it on and wipes it.
    pub fn into_exposed(mut self) -> T {
        std::mem::take(&mut self.0)
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    /// Takes the same time wherever the values differ.
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_ref(), other.0.as_ref()).into()
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Whether a type has a trait, for tests of what must not be possible.
#[cfg(test)]
macro_rules! has {
    ($type:ty: $trait:path) => {{
        struct Asked<T: ?Sized>(std::marker::PhantomData<T>);
        trait _Otherwise {
            const _HAS: bool = false;
        }
        impl<T: ?Sized> _Otherwise for Asked<T> {}
        impl<T: ?Sized + $trait> Asked<T> {
            const _HAS: bool = true;
        }
        <Asked<$type>>::_HAS
    }};
}
#[cfg(test)]
pub(crate) use has;

#[cfg(test)]
mod tests {
    use std::fmt::{Display, LowerHex};

    use serde::{Serialize, de::DeserializeOwned};
    use ts_rs::TS;

    use super::*;

    #[test]
    fn x2_a_secret_can_be_neither_printed_nor_serialised_nor_sent_to_the_window() {
        assert!(has!(String: Display) && has!(String: Serialize) && has!(String: TS));
        let of_text = [
            has!(Secret: Display),
            has!(Secret: Serialize),
            has!(Secret: DeserializeOwned),
            has!(Secret: TS),
            has!(Secret: LowerHex),
            has!(Secret: AsRef<str>),
            has!(Secret: std::ops::Deref),
        ];
        let of_bytes = [
            has!(Secret<Vec<u8>>: Display),
            has!(Secret<Vec<u8>>: Serialize),
            has!(Secret<Vec<u8>>: TS),
        ];
        assert_eq!((of_text, of_bytes), ([false; 7], [false; 3]));
    }

    #[test]
    fn x2_debug_hides_the_value() {
        let secret = Secret::from("aoa-canary");
        assert_eq!(
            format!("{secret:?} {:?}", Some(&secret)),
            "[redacted] Some([redacted])"
        );
    }

    #[test]
    fn equality_compares_values() {
        assert_eq!(Secret::from("a"), Secret::from("a"));
        assert_ne!(Secret::from("a"), Secret::from("ab"));
    }
}
