//! Everything that Portray does, without a window.
