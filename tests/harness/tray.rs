//! The place where tray icons appear: a StatusNotifierWatcher, and what a person does with an icon and its menu.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::watch;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Proxy, interface};

use crate::desktop::{Desktop, START_DEADLINE, Session, connect, wait_for_name};
use crate::menu::{Menu, MenuItem, RawItem};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const WATCHER_PATH: &str = "/StatusNotifierWatcher";
const ITEM_INTERFACE: &str = "org.kde.StatusNotifierItem";
const MENU_INTERFACE: &str = "com.canonical.dbusmenu";

/// Where an application shows its tray icon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayItem {
    bus_name: String,
    path: String,
}

/// The tray of a desktop.
pub struct TrayHost {
    connection: Connection,
    source: Source,
    session: Arc<Session>,
}

/// Who keeps the list of icons.
enum Source {
    /// Our own watcher.
    Own(watch::Receiver<Vec<TrayItem>>),
    /// A panel's.
    Panel,
}

impl TrayHost {
    /// Makes the test the desktop's tray.
    pub async fn start(desktop: &Desktop) -> Result<TrayHost> {
        let (items, seen) = watch::channel(Vec::new());
        let connection = zbus::connection::Builder::address(desktop.bus_address()?)?
            .serve_at(WATCHER_PATH, Watcher { items })?
            .name(WATCHER)?
            .build()
            .await?;
        Ok(TrayHost {
            connection,
            source: Source::Own(seen),
            session: desktop.session(),
        })
    }

    /// Looks at the tray of a running panel.
    pub async fn beside_a_panel(desktop: &Desktop) -> Result<TrayHost> {
        let connection = connect(desktop.bus_address()?).await?;
        wait_for_name(&connection, desktop.logs(), WATCHER).await?;
        Ok(TrayHost {
            connection,
            source: Source::Panel,
            session: desktop.session(),
        })
    }

    /// The icon that registered last and whose application still runs; waits for one.
    pub async fn wait_for_item(&self) -> Result<TrayItem> {
        let what = "an icon in the tray";
        self.session
            .logs
            .wait_until(what, START_DEADLINE, async || self.item().await)
            .await
    }

    /// Waits for the first icon that registers from now on, without asking again and again: for measurements.
    pub fn next_registration(&self) -> Result<impl Future<Output = Result<()>> + use<>> {
        let Source::Own(items) = &self.source else {
            bail!("a panel tells of no registration");
        };
        let mut items = items.clone();
        items.mark_unchanged();
        Ok(async move {
            let registered = tokio::time::timeout(START_DEADLINE, items.changed()).await;
            Ok(registered.context("no icon came")??)
        })
    }

    /// Waits until no application shows an icon.
    pub async fn wait_for_no_item(&self, within: Duration) -> Result<()> {
        let condition = async || Ok(self.item().await?.is_none().then_some(()));
        self.session
            .logs
            .wait_until("the tray to be empty", within, condition)
            .await
    }

    /// The menu as it is now, told to be about to open as a click on the icon does.
    pub async fn menu(&self, item: &TrayItem) -> Result<Menu> {
        let proxy = self.menu_proxy(item).await?;
        // An answer is optional: some menus do not implement it.
        let _: Result<bool, _> = proxy.call("AboutToShow", &(0_i32,)).await;
        let (_revision, root): (u32, RawItem) = proxy
            .call("GetLayout", &(0_i32, -1_i32, Vec::<String>::new()))
            .await?;
        Ok(Menu::from_raw(root))
    }

    /// Waits until the menu is as `condition` says, and returns it; the failure shows the menu.
    pub async fn wait_for_menu(
        &self,
        item: &TrayItem,
        what: &str,
        within: Duration,
        condition: impl Fn(&Menu) -> bool,
    ) -> Result<Menu> {
        let asked = self.session.logs.wait_until(what, within, async || {
            let menu = self.menu(item).await?;
            ensure!(condition(&menu), "the menu is\n{menu}");
            Ok(Some(menu))
        });
        asked.await
    }

    /// Clicks the item at a path of labels (see [`Menu::find`]), waiting until it is there and enabled.
    pub async fn click(&self, item: &TrayItem, path: &[&str]) -> Result<()> {
        let what = format!("the menu item {path:?}");
        let menu = self
            .wait_for_menu(item, &what, Duration::from_secs(10), |menu| {
                menu.find(path).is_some_and(|item| item.enabled)
            })
            .await?;
        let line = menu.find(path).context("found a moment ago")?;
        self.click_line(item, line).await
    }

    /// Clicks a line of a menu that was shown before, which may have changed since.
    pub async fn click_line(&self, item: &TrayItem, line: &MenuItem) -> Result<()> {
        let proxy = self.menu_proxy(item).await?;
        // Nobody waits for an answer: after Quit there may be none.
        proxy
            .call_noreply("Event", &(line.id, "clicked", Value::from(0_i32), 0_u32))
            .await?;
        Ok(())
    }

    /// The name of the icon shown.
    pub async fn icon_name(&self, item: &TrayItem) -> Result<String> {
        self.text_property(item, "IconName").await
    }

    /// The title that the application gave its icon.
    pub async fn title(&self, item: &TrayItem) -> Result<String> {
        self.text_property(item, "Title").await
    }

    /// The tooltip's first line, or none where the application's tray library has no tooltips.
    pub async fn tooltip(&self, item: &TrayItem) -> Result<Option<String>> {
        type ToolTip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
        let Ok(value) = self.property(item, "ToolTip").await else {
            return Ok(None);
        };
        let (_icon, _pixmaps, title, _text) = ToolTip::try_from(value)?;
        Ok(Some(title))
    }

    async fn item(&self) -> Result<Option<TrayItem>> {
        let names = zbus::fdo::DBusProxy::new(&self.connection).await?;
        for item in self.registered().await?.into_iter().rev() {
            if names.name_has_owner(item.bus_name.as_str().try_into()?).await? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    async fn registered(&self) -> Result<Vec<TrayItem>> {
        match &self.source {
            Source::Own(items) => Ok(items.borrow().clone()),
            Source::Panel => {
                let proxy = Proxy::new(&self.connection, WATCHER, WATCHER_PATH, WATCHER).await?;
                let items: Vec<String> = proxy.get_property("RegisteredStatusNotifierItems").await?;
                Ok(items.iter().map(|item| TrayItem::parse(item)).collect())
            }
        }
    }

    async fn text_property(&self, item: &TrayItem, name: &str) -> Result<String> {
        Ok(String::try_from(self.property(item, name).await?)?)
    }

    async fn property(&self, item: &TrayItem, name: &str) -> Result<OwnedValue> {
        let proxy = Proxy::new(
            &self.connection,
            item.bus_name.as_str(),
            item.path.as_str(),
            ITEM_INTERFACE,
        )
        .await?;
        // Asked for directly: a proxy would remember the first answer.
        let properties =
            zbus::fdo::PropertiesProxy::new(&self.connection, proxy.destination(), proxy.path()).await?;
        Ok(properties.get(ITEM_INTERFACE.try_into()?, name).await?)
    }

    async fn menu_proxy(&self, item: &TrayItem) -> Result<Proxy<'static>> {
        let path = OwnedObjectPath::try_from(self.property(item, "Menu").await?)?;
        Ok(Proxy::new(&self.connection, item.bus_name.clone(), path, MENU_INTERFACE).await?)
    }
}

impl TrayItem {
    /// Takes apart what a watcher lists: a bus name, followed by the object's path unless it is the usual one.
    fn parse(listed: &str) -> TrayItem {
        let (bus_name, path) = match listed.find('/') {
            Some(slash) => listed.split_at(slash),
            None => (listed, "/StatusNotifierItem"),
        };
        TrayItem {
            bus_name: bus_name.to_owned(),
            path: path.to_owned(),
        }
    }
}

/// The object with which applications register their icons.
struct Watcher {
    items: watch::Sender<Vec<TrayItem>>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    /// `service` is a bus name, or the path of an object of the caller's.
    async fn register_status_notifier_item(
        &self,
        service: String,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        let listed = match header.sender() {
            Some(sender) if service.starts_with('/') => format!("{sender}{service}"),
            _ => service,
        };
        self.items
            .send_modify(|items| items.push(TrayItem::parse(&listed)));
        Ok(Watcher::status_notifier_item_registered(&emitter, &listed).await?)
    }

    fn register_status_notifier_host(&self, _service: String) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.items
            .borrow()
            .iter()
            .map(|item| format!("{}{}", item.bus_name, item.path))
            .collect()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(signal)]
    async fn status_notifier_item_registered(emitter: &SignalEmitter<'_>, service: &str) -> zbus::Result<()>;
}
