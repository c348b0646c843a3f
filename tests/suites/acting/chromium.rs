//! The page, in a real browser.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::shown;
use crate::site::acting_site::{BEN, SiteText, lasting_port};
use crate::site::alarm_node::both;
use crate::site::browser::Browser;
use crate::site::hosted::Hosted;
use crate::site::panel::Panel;
use crate::site::process::Muster;

const WALL: (u32, u32) = (1920, 1080);
const PHONE: (u32, u32) = (360, 780);

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_drawn_at_evacuate() {
    let (hosted, _desk) = shown::in_the_middle().await;
    for (name, size) in [("wall", WALL), ("phone", PHONE)] {
        let mut browser = Browser::open(hosted.api.base(), size).await;
        let (text, _) = browser.until("a drawn page", |text| text.contains("40 %")).await;
        // Letters as the style makes them.
        let text = text.to_lowercase();
        for words in [
            "evacuate",
            "loss",
            "cut",
            "plan: fits",
            "n1",
            "1 of 3 safe",
            "db",
            "what to do now",
        ] {
            assert!(text.contains(words), "{name}: {words} is not on the page:\n{text}");
        }
        assert!(!text.contains("not live"), "{name}: {text}");
        let broad = browser
            .evaluate("document.documentElement.scrollWidth - innerWidth")
            .await;
        assert_eq!(broad, 0, "{name}: the page is broader than its window");
        let picture = browser.picture().await;
        assert!(picture.len() > 20_000, "{name}: {} bytes: an empty page", picture.len());
    }
}

/// A device dies and comes back before the eyes of whoever looks, on a phone too.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_lost_is_on_the_page_with_what_to_do() {
    let site = SiteText::new(true, 480);
    let hosted = Hosted::start(&site).await;
    let mut browser = Browser::open(hosted.api.base(), PHONE).await;
    browser
        .until("a device that is well", |text| {
            text.contains("panel") && text.contains("1/1 good")
        })
        .await;
    Panel::at(site.panel).fall_silent();
    let (text, _) = browser
        .until("it is in trouble", |text| {
            text.contains("in trouble") && text.contains("muster probe 127.0.0.1:")
        })
        .await;
    assert!(text.contains("last error, "), "{text}");
    let broad = browser
        .evaluate("document.documentElement.scrollWidth - innerWidth")
        .await;
    assert_eq!(broad, 0, "the page is broader than its window");
}

/// Whether the page is still the one that was opened, and not a new one.
async fn unloaded(browser: &mut Browser) -> bool {
    browser.evaluate("window.opened === 1").await == true
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_changes_by_itself_and_says_when_it_cannot() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = SiteText::at_port(true, 480, lasting_port()).write(folder.path(), "site");
    let muster = Muster::start(&config).await;
    let mut nodes = both(muster.mqtt, muster.panel, 1);
    let mut browser = Browser::open(muster.api.base(), WALL).await;
    browser.until("a normal page", |text| text.contains("NORMAL")).await;
    browser.evaluate("window.opened = 1").await;
    nodes[0].alarm().await;
    browser
        .until("the first vote", |text| {
            text.contains("\nansan") && text.contains("\nPREPARE\n")
        })
        .await;
    nodes[1].alarm().await;
    let (_, took) = browser
        .until("the second vote", |text| text.contains("\nEVACUATE\n"))
        .await;
    assert!(took < Duration::from_secs(3), "{took:?}");

    hangs(&muster, &mut browser).await;
    // One that dies and comes back.
    muster.kill().await;
    browser
        .until("the banner", |text| text.contains("NOT LIVE since "))
        .await;
    let _again = Muster::start(&config).await;
    browser
        .until("it is live again", |text| !text.contains("NOT LIVE"))
        .await;
    assert!(browser.text().await.contains("EVACUATE"));
    assert!(unloaded(&mut browser).await, "all of it without a reload");
}

/// A gateway that hangs: the page must not go on saying what was.
async fn hangs(muster: &Muster, browser: &mut Browser) {
    muster.signal("STOP").await;
    assert!(
        !browser.text().await.contains("NOT LIVE"),
        "it is live until it is silent"
    );
    let (_, took) = browser
        .until("the banner", |text| text.contains("NOT LIVE since "))
        .await;
    assert!((3..8).contains(&took.as_secs()), "{took:?}");
    muster.signal("CONT").await;
    browser
        .until("it is live again", |text| !text.contains("NOT LIVE"))
        .await;
    assert!(unloaded(browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_stream_the_page_asks_and_without_a_script_it_dies_loudly() {
    let mut hosted = Hosted::start(&SiteText::new(true, 480)).await;
    let mut taken = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(hosted.gateway.http).await.unwrap();
        stream
            .write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            .await
            .unwrap();
        stream.read_exact(&mut [0; 16]).await.unwrap();
        taken.push(stream);
    }
    let mut browser = Browser::open(hosted.api.base(), WALL).await;
    browser.until("a normal page", |text| text.contains("NORMAL")).await;
    hosted.burn().await;
    browser
        .until("an answer to a question", |text| text.contains("\nEVACUATE\n"))
        .await;
    assert!(!browser.text().await.contains("NOT LIVE"), "asked often enough");
    // Nobody renews the page any more, as if its script had died: the style alone says so.
    browser
        .evaluate("for (let i = 0; i < 9999; i++) { clearInterval(i); clearTimeout(i); }")
        .await;
    browser
        .until("the banner", |text| text.contains("NOT LIVE since "))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_elsewhere_the_page_is_live_for_whoever_may_look() {
    let mut hosted = Hosted::start(&SiteText::new(true, 480)).await;
    let base = hosted.api.base().to_owned();
    let mut browser = Browser::open("about:blank", PHONE).await;
    let named = base.replace("http://", &format!("http://anybody:{BEN}@"));
    browser.go_through_a_proxy(&named).await;
    browser.until("a normal page", |text| text.contains("NORMAL")).await;
    browser.evaluate("window.opened = 1").await;
    hosted.burn().await;
    browser.until("a frame", |text| text.contains("\nEVACUATE\n")).await;
    assert!(unloaded(&mut browser).await);
    assert_eq!(
        browser.evaluate("stream.readyState").await,
        1,
        "by a stream, not by asking"
    );
}
