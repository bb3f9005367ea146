//! The orders in which lists on the screen are sorted: what a person does to a role moves no row under their hand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::role_catalog::{Catalogue, ListOrder};

/// More lists than this are not on screens at a time.
const MOST: usize = 8;

/// An order and the revision of the catalogue that it is of.
type Dated = (u64, Arc<ListOrder>);

/// The orders that answers gave last, by the catalogue's revision. Clones are the same.
#[derive(Clone, Default)]
pub struct ListOrders {
    kept: Arc<Mutex<VecDeque<Dated>>>,
}

impl ListOrders {
    /// The order of that revision, where it is known still; else that of now. With the revision it is of.
    pub fn order(&self, wanted: Option<u64>, catalogue: &Catalogue) -> Dated {
        let revision = wanted.unwrap_or(catalogue.revision);
        let mut kept = self.kept.lock().expect("no panic under this lock");
        let place = kept.iter().position(|(of, _)| *of == revision);
        let found = place.and_then(|place| kept.remove(place));
        let order = found.unwrap_or_else(|| (catalogue.revision, Arc::new(catalogue.order())));
        kept.retain(|(of, _)| *of != order.0);
        kept.push_front(order.clone());
        kept.truncate(MOST);
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_center::{AccountId, PortalId, RoleKey};

    #[test]
    fn an_order_is_known_while_somebody_asks_for_it_and_else_it_is_that_of_now() {
        let key = |number: usize| RoleKey {
            portal: PortalId("p1".to_owned()),
            account: AccountId(format!("{number:012}")),
            permission_set: "ReadOnly".to_owned(),
            chain: None,
        };
        let orders = ListOrders::default();
        let mut catalogue = Catalogue::default();
        catalogue.mark_recent(&key(0));
        let (first, order) = orders.order(None, &catalogue);
        assert_eq!(order.recents, [key(0)]);
        for number in 1..20 {
            catalogue.mark_recent(&key(number));
            assert_eq!(orders.order(Some(first), &catalogue), (first, order.clone()));
            assert_eq!(orders.order(None, &catalogue).0, catalogue.revision);
        }
        for number in 20..30 {
            catalogue.mark_recent(&key(number));
            orders.order(None, &catalogue);
        }
        let (now, order) = orders.order(Some(first), &catalogue);
        assert_eq!((now, &order.recents[0]), (catalogue.revision, &key(29)));
    }
}
