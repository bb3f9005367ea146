//! What every story needs: programs, a desktop, people.
