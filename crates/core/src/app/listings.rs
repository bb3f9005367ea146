//! What is known of accounts and permission sets: shown, kept on disk, hidden and forgotten.

use std::sync::Arc;

use crate::app::controller::Controller;
use crate::identity_center::PortalId;
use crate::role_catalog::{CatalogueFiles, Listing, StoredListing, Unfinished};

impl Controller {
    /// The list of somebody who has left. Favourites stay for when the same person comes back.
    pub(super) fn drop_listing(&mut self, portal: &PortalId) {
        self.syncs.stop(portal);
        self.set_listing(portal.clone(), Arc::default());
        let (files, portal) = (CatalogueFiles::of(&self.paths), portal.clone());
        self.write(move || files.forget(&portal));
    }

    pub(super) fn forget_listing(&mut self, portal: &PortalId) {
        self.drop_listing(portal);
        self.change_catalogue(|catalogue| catalogue.forget_portal(portal));
    }

    /// Out of sight, but not off the disk.
    pub(super) fn hide_listing(&mut self, portal: &PortalId) {
        let mut catalogue = (*self.catalogue()).clone();
        catalogue.hide_portal(portal);
        self.set_catalogue(Arc::new(catalogue));
    }

    pub(super) fn set_listing(&mut self, portal: PortalId, listing: Arc<Listing>) {
        let mut catalogue = (*self.catalogue()).clone();
        catalogue.set_listing(portal, listing);
        self.set_catalogue(Arc::new(catalogue));
    }

    pub(super) fn save_listing(
        &self,
        portal: &PortalId,
        listing: Arc<Listing>,
        unfinished: Option<Unfinished>,
    ) {
        let (files, portal) = (CatalogueFiles::of(&self.paths), portal.clone());
        self.write(move || files.save_listing(&portal, StoredListing { listing, unfinished }));
    }
}
