//! The table of the virtual household: six devices, their habits, and the names they ask.
//!
//! Makers' names are those of the catalogue; periods and stubbornness follow published measurements of idle devices (a
//! clock of four to five minutes on phones, a speaker that probes every five minutes sharp, televisions that log in
//! standby, players that ask thousands of times a day once they are muted). Sites are common ones; which site a
//! tracker is asked beside is drawn at random and says nothing about that site. Names under `.example` stand for sites
//! that hide a tracker behind an alias in their own zone, for which no real one should be blamed.

use std::net::Ipv4Addr;

use super::household::{A, AAAA, Activity, Choice, HTTPS, Hours, Resident};

impl Hours {
    /// Day and night.
    pub const ALWAYS: Self = Self { weekday: [100; 24], weekend: [100; 24] };

    /// People who are up: most in the evening, hardly at night.
    const AWAKE: Self = Self {
        //         0  1  2  3  4  5  6   7   8   9  10  11  12  13  14  15  16  17  18  19  20  21  22  23
        weekday: [3, 1, 0, 0, 0, 2, 20, 60, 55, 35, 30, 35, 60, 45, 30, 35, 40, 60, 70, 80, 90, 95, 70, 20],
        weekend: [15, 5, 2, 0, 0, 0, 4, 15, 40, 65, 75, 70, 65, 60, 60, 65, 65, 70, 75, 80, 90, 95, 85, 45],
    };

    /// In front of the television.
    const EVENING: Self = Self {
        weekday: [5, 0, 0, 0, 0, 0, 0, 10, 5, 0, 0, 0, 0, 0, 0, 0, 10, 25, 45, 80, 100, 100, 75, 20],
        weekend: [20, 5, 0, 0, 0, 0, 0, 5, 20, 30, 30, 20, 20, 25, 30, 35, 40, 45, 60, 85, 100, 100, 90, 50],
    };

    /// Working at home.
    const OFFICE: Self = Self {
        weekday: [0, 0, 0, 0, 0, 0, 0, 5, 60, 100, 100, 95, 40, 85, 100, 95, 90, 60, 15, 5, 10, 10, 5, 0],
        weekend: [0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 15, 15, 5, 5, 10, 15, 10, 5, 0, 0, 5, 5, 0, 0],
    };

    /// A computer that is on, used or not.
    const SWITCHED_ON: Self = Self {
        weekday: [0, 0, 0, 0, 0, 0, 0, 20, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 50, 30, 30, 30, 15, 0],
        weekend: [0, 0, 0, 0, 0, 0, 0, 0, 10, 30, 40, 40, 30, 30, 30, 40, 30, 20, 10, 10, 20, 20, 5, 0],
    };

    /// When the floor is cleaned.
    const CLEANING: Self = Self {
        weekday: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        weekend: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 30, 30, 0, 0, 0, 0, 0, 0, 0, 0],
    };

    /// When devices tidy up: in the small hours.
    const SMALL_HOURS: Self = Self {
        weekday: [0, 30, 90, 100, 60, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        weekend: [0, 30, 90, 100, 60, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    };
}

const fn some(least: usize, most: usize, of: &'static [&'static str]) -> Choice {
    Choice { count: (least, most), of }
}

/// Sites that people read.
const SITES: &[&str] = &[
    "www.bbc.com",
    "www.theguardian.com",
    "www.reuters.com",
    "www.spiegel.de",
    "www.tagesschau.de",
    "www.nos.nl",
    "www.nu.nl",
    "en.wikipedia.org",
    "de.wikipedia.org",
    "www.reddit.com",
    "stackoverflow.com",
    "www.weather.com",
    "www.imdb.com",
    "www.openstreetmap.org",
    "news.ycombinator.com",
    "www.booking.com",
    "www.bahn.de",
    "www.ns.nl",
    "streekkrant.example",
];

/// Shops.
const SHOPS: &[&str] = &[
    "www.ikea.com",
    "www.zalando.com",
    "www.amazon.com",
    "www.amazon.de",
    "www.bol.com",
    "www.ebay.com",
    "www.decathlon.com",
    "www.etsy.com",
    "schoenenhuis.example",
];

/// What pages and apps ask for besides, and need.
const PARTS: &[&str] = &[
    "fonts.gstatic.com",
    "fonts.googleapis.com",
    "cdn.jsdelivr.net",
    "cdnjs.cloudflare.com",
    "i.ytimg.com",
    "images.unsplash.com",
    "www.gstatic.com",
    "static.cloudflareinsights.com",
    "upload.wikimedia.org",
    "www.gravatar.com",
];

/// Trackers of the web; which page they are asked beside is chance.
const WEB_TRACKERS: &[&str] = &[
    "www.google-analytics.com",
    "www.googletagmanager.com",
    "securepubads.g.doubleclick.net",
    "googleads.g.doubleclick.net",
    "pagead2.googlesyndication.com",
    "www.googleadservices.com",
    "connect.facebook.net",
    "static.hotjar.com",
    "script.hotjar.com",
    "bat.bing.com",
    "www.clarity.ms",
    "sb.scorecardresearch.com",
    "c.amazon-adsystem.com",
    "analytics.tiktok.com",
    "browser.sentry-cdn.com",
    "metrics.streekkrant.example",
    "s.schoenenhuis.example",
];

/// Measuring SDKs inside apps.
const APP_TRACKERS: &[&str] = &[
    "app-measurement.com",
    "firebaselogging-pa.googleapis.com",
    "firebase-settings.crashlytics.com",
    "app.adjust.com",
    "api2.branch.io",
    "launches.appsflyer.com",
    "api.mixpanel.com",
    "graph.facebook.com",
    "googleads.g.doubleclick.net",
    "o1137869.ingest.sentry.io",
];

/// Who lives in the house.
pub(super) const RESIDENTS: &[Resident] = &[
    Resident {
        name: "Anna's phone",
        address: Ipv4Addr::new(127, 0, 1, 11),
        tags: &["device_phone", "os_android"],
        asks: &[(A, 100), (AAAA, 90), (HTTPS, 25)],
        activities: &[
            Activity::beacon("Google keeps its line open", 255, &["mtalk.google.com"]),
            Activity::beacon("MIUI tells which screens were seen", 300, &["tracking.intl.miui.com"]),
            Activity::beacon("MIUI's app statistics", 900, &["data.mistat.intl.xiaomi.com"]).again(3, 60),
            Activity::beacon("switches of the advertising kit", 3600, &["sdkconfig.ad.intl.xiaomi.com"]).again(2, 90),
            Activity::beacon("push of Xiaomi", 720, &["app.chat.global.xiaomi.net", "resolver.msg.global.xiaomi.net"]),
            Activity::beacon("is the network alive", 1200, &["connect.rom.miui.com", "connectivitycheck.gstatic.com"]),
            Activity::beacon(
                "cloud switches of the settings",
                7200,
                &["api.setting.intl.miui.com", "api.sec.intl.miui.com"],
            ),
            Activity::beacon(
                "a collector no list knows by its own name",
                5400,
                &["ams-onetrack-relay.intl.xiaomi.com"],
            ),
            Activity::beacon("weather on the start screen", 3600, &["weatherapi.market.xiaomi.com"]),
            Activity::beacon("Play services", 1800, &["play.googleapis.com", "www.googleapis.com"]),
            Activity::beacon("account and Find Device", 21600, &["account.xiaomi.com", "update.intl.miui.com"]),
            Activity::habit(
                "crash and quality reports at night",
                1800,
                &Hours::SMALL_HOURS,
                &["mqs-log.miui.com"],
                &[some(0, 2, &["feedback.intl.miui.com", "flash.sec.intl.miui.com", "frog.uaq.xiaomi.net"])],
            )
            .again(3, 45),
            Activity::habit(
                "backup of photos at night",
                2400,
                &Hours::SMALL_HOURS,
                &["photos.googleapis.com", "www.googleapis.com"],
                &[],
            ),
            Activity::habit(
                "messages",
                300,
                &Hours::AWAKE,
                &["g.whatsapp.net"],
                &[some(
                    0,
                    2,
                    &[
                        "mmg.whatsapp.net",
                        "media-ams2-1.cdn.whatsapp.net",
                        "pps.whatsapp.net",
                        "privatestats.whatsapp.net",
                        "crashlogs.whatsapp.net",
                    ],
                )],
            ),
            Activity::habit(
                "pictures of friends",
                1100,
                &Hours::AWAKE,
                &["i.instagram.com", "graph.instagram.com"],
                &[some(
                    1,
                    3,
                    &[
                        "scontent-ams2-1.cdninstagram.com",
                        "static.cdninstagram.com",
                        "edge-mqtt.facebook.com",
                        "z-m-gateway.facebook.com",
                    ],
                )],
            ),
            Activity::habit(
                "reading in the maker's browser",
                700,
                &Hours::AWAKE,
                &["sa.api.intl.miui.com"],
                &[some(1, 2, SITES), some(1, 3, PARTS), some(0, 3, WEB_TRACKERS)],
            )
            .again(1, 20),
            Activity::habit(
                "apps",
                900,
                &Hours::AWAKE,
                &[],
                &[
                    some(
                        1,
                        2,
                        &[
                            "maps.googleapis.com",
                            "api.openweathermap.org",
                            "spclient.wg.spotify.com",
                            "api.duolingo.com",
                            "www.strava.com",
                            "api.ing.com",
                        ],
                    ),
                    some(1, 3, APP_TRACKERS),
                ],
            ),
            Activity::habit(
                "advertisements in system apps",
                2400,
                &Hours::AWAKE,
                &["api.ad.intl.xiaomi.com"],
                &[some(0, 1, &["globalapi.ad.xiaomi.com", "zeus.ad.intl.xiaomi.com", "api.installer.xiaomi.com"])],
            )
            .again(2, 30),
            Activity::habit(
                "videos",
                2400,
                &Hours::AWAKE,
                &["youtubei.googleapis.com", "i.ytimg.com"],
                &[some(
                    1,
                    2,
                    &[
                        "rr4---sn-5hne6nsz.googlevideo.com",
                        "rr2---sn-5hnekn7l.googlevideo.com",
                        "jnn-pa.googleapis.com",
                        "googleads.g.doubleclick.net",
                    ],
                )],
            ),
            Activity::beacon(
                "a game that came four days ago",
                1500,
                &["config.uca.cloud.unity3d.com", "cdp.cloud.unity3d.com", "rt.applovin.com"],
            )
            .at(&Hours::AWAKE)
            .new_since(4)
            .again(2, 20),
        ],
    },
    Resident {
        name: "Living-room TV",
        address: Ipv4Addr::new(127, 0, 1, 12),
        tags: &["device_tv"],
        asks: &[(A, 100), (AAAA, 60)],
        activities: &[
            Activity::beacon("what was on the screen, sent on in standby", 300, &["log-ingestion-eu.samsungacr.com"])
                .again(1, 25),
            Activity::beacon(
                "the clock and the way to the net",
                1800,
                &["time.samsungcloudsolution.com", "lcprd1.samsungcloudsolution.net"],
            ),
            Activity::beacon(
                "switches",
                7200,
                &["configprd.samsungcloudsolution.net", "acr0.samsungcloudsolution.com"],
            ),
            Activity::beacon("updates", 21600, &["otnprd8.samsungcloudsolution.net", "cdn.samsungcloudsolution.com"]),
            Activity::beacon("log of the set", 3600, &["devicelog.samsungcloudsolution.net"]).again(4, 30),
            Activity::habit(
                "switched on",
                240,
                &Hours::EVENING,
                &["acr-eu-prd.samsungcloud.tv"],
                &[some(
                    0,
                    2,
                    &[
                        "osb.samsungqbe.com",
                        "gpm.samsungqbe.com",
                        "sspapi-prd.samsungrs.com",
                        "osb-eusvc.samsungqbe.com",
                    ],
                )],
            )
            .on(85)
            .again(2, 20),
            Activity::habit(
                "advertisements on the start screen",
                900,
                &Hours::EVENING,
                &["config.samsungads.com"],
                &[some(1, 2, &["samsungads.com", "ads.samsungads.com", "samsungtvads.com", "tvx.adgrx.com"])],
            )
            .on(85)
            .again(4, 20),
            Activity::habit(
                "a series",
                420,
                &Hours::EVENING,
                &["api-global.netflix.com", "ichnaea.netflix.com"],
                &[some(
                    1,
                    3,
                    &[
                        "occ-0-769-768.1.nflxso.net",
                        "ipv4-c012-ams001-ix.1.oca.nflxvideo.net",
                        "appboot.netflix.com",
                        "logs.netflix.com",
                        "customerevents.netflix.com",
                    ],
                )],
            )
            .on(70),
            Activity::habit(
                "videos",
                900,
                &Hours::EVENING,
                &["youtubei.googleapis.com", "www.youtube.com"],
                &[some(
                    1,
                    3,
                    &[
                        "i.ytimg.com",
                        "rr5---sn-5hne6nzy.googlevideo.com",
                        "googleads.g.doubleclick.net",
                        "imasdk.googleapis.com",
                    ],
                )],
            )
            .on(60),
            Activity::habit("lights that follow the picture", 300, &Hours::EVENING, &["discovery.meethue.com"], &[])
                .on(85),
        ],
    },
    Resident {
        name: "Study laptop",
        address: Ipv4Addr::new(127, 0, 1, 13),
        tags: &["device_laptop", "os_windows"],
        asks: &[(A, 100), (AAAA, 95), (HTTPS, 60)],
        activities: &[
            Activity::beacon("diagnostic data of Windows", 300, &["v10.events.data.microsoft.com"])
                .at(&Hours::SWITCHED_ON),
            Activity::beacon("switches of Windows", 1800, &["settings-win.data.microsoft.com"]).at(&Hours::SWITCHED_ON),
            Activity::beacon("is the network alive", 900, &["www.msftconnecttest.com", "dns.msftncsi.com"])
                .at(&Hours::SWITCHED_ON),
            Activity::beacon("a proxy that nobody has", 1800, &["wpad.localdomain"]).at(&Hours::SWITCHED_ON),
            Activity::beacon(
                "news in the task bar",
                1200,
                &["assets.msn.com", "browser.events.data.msn.com", "c.msn.com"],
            )
            .at(&Hours::SWITCHED_ON),
            Activity::habit(
                "mail",
                360,
                &Hours::OFFICE,
                &["outlook.office365.com"],
                &[some(0, 1, &["login.microsoftonline.com", "substrate.office.com", "attachments.office.net"])],
            ),
            Activity::habit(
                "writing",
                900,
                &Hours::OFFICE,
                &["nexus.officeapps.live.com"],
                &[some(
                    0,
                    2,
                    &[
                        "nexusrules.officeapps.live.com",
                        "word-telemetry.officeapps.live.com",
                        "self.events.data.microsoft.com",
                        "odc.officeapps.live.com",
                    ],
                )],
            )
            .again(1, 30),
            Activity::habit(
                "looking things up",
                240,
                &Hours::OFFICE,
                &["www.google.com"],
                &[some(1, 2, SITES), some(1, 3, PARTS), some(0, 4, WEB_TRACKERS)],
            ),
            Activity::habit(
                "code",
                1200,
                &Hours::OFFICE,
                &["github.com", "api.github.com"],
                &[some(
                    0,
                    2,
                    &[
                        "avatars.githubusercontent.com",
                        "objects.githubusercontent.com",
                        "static.crates.io",
                        "code.visualstudio.com",
                        "dc.services.visualstudio.com",
                    ],
                )],
            ),
            Activity::habit(
                "meetings",
                2700,
                &Hours::OFFICE,
                &["teams.microsoft.com"],
                &[some(
                    1,
                    2,
                    &[
                        "api.flightproxy.teams.microsoft.com",
                        "mobile.pipe.aria.microsoft.com",
                        "browser.pipe.aria.microsoft.com",
                        "eu-teams.events.data.microsoft.com",
                    ],
                )],
            ),
            Activity::habit(
                "a little shopping",
                3600,
                &Hours::AWAKE,
                &[],
                &[some(1, 2, SHOPS), some(1, 3, PARTS), some(2, 5, WEB_TRACKERS)],
            )
            .on(50),
            Activity::habit(
                "updates",
                10800,
                &Hours::SWITCHED_ON,
                &["slscr.update.microsoft.com", "ctldl.windowsupdate.com"],
                &[some(
                    0,
                    1,
                    &["tlu.dl.delivery.mp.microsoft.com", "watson.telemetry.microsoft.com", "wdcp.microsoft.com"],
                )],
            ),
        ],
    },
    Resident {
        name: "Ben's iPhone",
        address: Ipv4Addr::new(127, 0, 1, 14),
        tags: &["device_phone", "os_ios"],
        asks: &[(HTTPS, 100), (A, 100), (AAAA, 100)],
        activities: &[
            Activity::beacon("push of Apple", 255, &["17-courier.push.apple.com"]),
            Activity::beacon("measurements of apps and system", 900, &["xp.apple.com"]),
            Activity::beacon("iCloud", 600, &["gateway.icloud.com"]),
            Activity::beacon("statistics", 3600, &["metrics.icloud.com", "cstat.apple.com"]).again(2, 40),
            Activity::beacon("the clock, and is the network alive", 3600, &["time.apple.com", "captive.apple.com"]),
            Activity::beacon("updates", 43200, &["mesu.apple.com", "gdmf.apple.com"]),
            Activity::beacon("private relay", 7200, &["mask.icloud.com", "mask-h2.icloud.com"]),
            Activity::habit(
                "diagnostics at night",
                2700,
                &Hours::SMALL_HOURS,
                &["iphonesubmissions.apple.com"],
                &[some(0, 1, &["idiagnostics.apple.com", "radarsubmissions.apple.com"])],
            )
            .again(2, 60),
            Activity::habit(
                "reading",
                600,
                &Hours::AWAKE,
                &[],
                &[some(1, 2, SITES), some(1, 2, PARTS), some(0, 2, WEB_TRACKERS)],
            ),
            Activity::habit(
                "looking around on the phone",
                900,
                &Hours::AWAKE,
                &["api-glb-aeuw1b.smoot.apple.com"],
                &[some(
                    0,
                    2,
                    &[
                        "fbs.smoot.apple.com",
                        "weatherkit.apple.com",
                        "weather-analytics-events.apple.com",
                        "gspe1-ssl.ls.apple.com",
                    ],
                )],
            ),
            Activity::habit(
                "music",
                1800,
                &Hours::AWAKE,
                &["spclient.wg.spotify.com"],
                &[some(
                    1,
                    3,
                    &["audio-ak.spotifycdn.com", "i.scdn.co", "log2.spotify.com", "adeventtracker.spotify.com"],
                )],
            ),
            Activity::habit(
                "apps",
                1200,
                &Hours::AWAKE,
                &[],
                &[
                    some(
                        1,
                        2,
                        &[
                            "api.ing.com",
                            "gateway.ns.nl",
                            "www.bahn.de",
                            "maps.apple.com",
                            "g.whatsapp.net",
                            "mobile.events.data.microsoft.com",
                        ],
                    ),
                    some(1, 2, APP_TRACKERS),
                ],
            ),
            Activity::habit(
                "short videos",
                2700,
                &Hours::AWAKE,
                &["api16-normal-c-useast1a.tiktokv.com"],
                &[some(
                    1,
                    3,
                    &[
                        "log16-normal.tiktokv.com",
                        "mon.tiktokv.eu",
                        "mcs.tiktokv.us",
                        "v16m.tiktokcdn.com",
                        "p16-sign-va.tiktokcdn.com",
                    ],
                )],
            )
            .again(2, 15),
            Activity::habit(
                "the app shop",
                5400,
                &Hours::AWAKE,
                &["bag.itunes.apple.com"],
                &[some(
                    1,
                    2,
                    &["metrics.mzstatic.com", "is1-ssl.mzstatic.com", "iadsdk.apple.com", "api-adservices.apple.com"],
                )],
            ),
        ],
    },
    Resident {
        name: "Robot vacuum",
        address: Ipv4Addr::new(127, 0, 1, 15),
        tags: &["device_other"],
        asks: &[(A, 100)],
        activities: &[
            Activity::beacon("at home in the maker's cloud", 300, &["ot.io.mi.com"]),
            Activity::beacon("a name service over HTTP", 600, &["dns.io.mi.com"]),
            Activity::beacon("log of the device", 300, &["dlg.io.mi.com"]),
            Activity::beacon("the clock", 1024, &["0.pool.ntp.org", "ntp.aliyun.com"]),
            Activity::beacon("its own maker", 1200, &["mqtt-eu-3.roborock.com", "api-eu.roborock.com"]),
            Activity::beacon("statistics of the robot's kit", 600, &["data.mistat.xiaomi.com"]).again(3, 30),
            Activity::beacon("updates", 21600, &["cdn.fds-ssl.api.xiaomi.com"]),
            Activity::habit(
                "cleaning: maps of the rooms",
                90,
                &Hours::CLEANING,
                &["awsde0.fds.api.xiaomi.com", "api.io.mi.com"],
                &[some(0, 1, &["tracker.ai.xiaomi.com", "o.bigdata.xiaomi.com"])],
            )
            .on(75),
            Activity::habit(
                "yesterday's runs, at night",
                1200,
                &Hours::SMALL_HOURS,
                &["log.pt.xiaomi.com"],
                &[some(0, 1, &["bugreport.pt.xiaomi.com", "report.pt.xiaomi.com"])],
            )
            .again(4, 30),
        ],
    },
    Resident {
        name: "Kitchen speaker",
        address: Ipv4Addr::new(127, 0, 1, 16),
        tags: &["device_audio"],
        asks: &[(A, 100), (AAAA, 50)],
        activities: &[
            Activity {
                jitter: 1,
                ..Activity::beacon("a probe every five minutes sharp", 300, &["web.diagnostic.networking.aws.dev"])
            },
            Activity::beacon("measurements, asked again and again when muted", 900, &["device-metrics-us.amazon.com"])
                .again(6, 50),
            Activity::beacon(
                "measurements of the newer kind",
                1800,
                &["minerva.devices.a2z.com", "device-metrics-us-2.amazon.com"],
            )
            .again(4, 45),
            Activity::beacon("is the network alive", 600, &["acsechocaptiveportal.com"]),
            Activity::beacon("the line to the assistant", 600, &["avs-alexa-14-eu.amazon.com"]),
            Activity::beacon("the clock", 3600, &["ntp-g7g.amazon.com"]),
            Activity::beacon("switches and updates", 7200, &["arcus-uswest.amazon.com", "softwareupdates.amazon.com"]),
            Activity::habit(
                "questions to the assistant",
                1500,
                &Hours::AWAKE,
                &["api.amazonalexa.com", "unagi-eu.amazon.com"],
                &[some(0, 2, &["fls-eu.amazon.com", "device-messaging-na.amazon.com", "tts.amazonalexa.com"])],
            ),
            Activity::habit(
                "music in the kitchen",
                1200,
                &Hours::AWAKE,
                &["music.amazon.com"],
                &[some(
                    1,
                    3,
                    &[
                        "audio-fa.scdn.co",
                        "opml.radiotime.com",
                        "icecast.omroep.nl",
                        "d3h5bk8iotgjvw.cloudfront.net",
                        "metrics.media-amazon.com",
                    ],
                )],
            )
            .on(80),
            Activity::habit("talk about the weather", 7200, &Hours::AWAKE, &["api.weather.com"], &[]),
        ],
    },
];
