//! What is said of each mistake: where it is, whose fault, and what to do.

use crate::parse;

/// A text, the line and column that must be told of it, and a part of what is said.
type Row = (&'static str, &'static str, &'static str);

/// Checks each row, and that no secret is repeated.
fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (text, place, said) in rows {
        let told = parse(text).err().unwrap_or_default();
        let right = told.starts_with(&format!("/etc/sordino/config.toml:{place}: ")) && told.contains(said);
        if !right || told.contains("secret") {
            wrong.push(format!("{text}\nshould say {place}: {said}\nand says {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_to_do() {
    let hash_of_nothing = "[web]\npassword_hash = \"secret\"";
    check(&[
        // Keys.
        ("[dns]\nlisen = []", "2:1", "there is no key lisen here; did you mean listen?"),
        ("[dsn]\nlisten = []", "1:2", "there is no key dsn here; did you mean dns?"),
        ("[cache]\ncolour = 1", "2:1", "there is no key colour here; choose one of size"),
        ("[limits]\nflight = 3", "2:1", "did you mean flights?"),
        ("[[list]]\nname = \"a\"\nsource = \"b\"\ntrust = true", "4:1", "did you mean trusted?"),
        ("[[list]]\nsource = \"b\"", "1:1", "the key name is missing here; add it"),
        ("[dns]\nlisten = [\"127.0.0.1:1\"]\nlisten = []", "3:1", "duplicate key"),
        // TOML itself.
        ("[dns\nlisten = []", "1:5", "table"),
        ("dns = 3", "1:7", "3 cannot stand here; write a table: [dns]"),
        ("[cache]\nsize = 16", "2:8", "16 cannot stand here; write text in quotation marks"),
        ("[blocking]\nttl = \"10\"", "2:7", "\"10\" cannot stand here; write a whole number from 0 to 4294967295"),
        ("[blocking]\nttl = -1", "2:7", "-1 cannot stand here; write a whole number from 0 to 4294967295"),
        ("[dns]\nlisten = 5", "2:10", "5 cannot stand here; write a list in brackets"),
        // [dns].
        ("[dns]\nlisten = [\"127.0.0.1:53\", \"localhost:53\"]", "2:27", "write one as in 127.0.0.1:5300"),
        ("[dns]\nlisten = [\"127.0.0.1\"]", "2:11", "add the port, as in 127.0.0.1:53"),
        ("[dns]\nlisten = [\"::1\"]", "2:11", "add the port, as in [::1]:53"),
        ("[dns]\nlisten = []", "2:10", "listen names no address"),
        ("[dns]\nlisten = [\"[::1]:53\", \"[::1]:53\"]", "2:23", "[::1]:53 stands here a second time"),
        ("[dns]\nallow_from = [\"home\"]", "2:15", "or loopback, private or any"),
        ("[dns.tls]\nlisten = []", "2:10", "listen names no address"),
        ("[dns.quic]\nlisten = [\"[::1]:853\"]\nkey = \"k.pem\"", "3:7", "certificate and key belong together"),
        ("[dns.quic]\nlisten = [\"[::1]:853\"]\nhttp3 = true", "3:9", "it belongs to [dns.https]"),
        ("[dns]\nnames = [\"dns\"]", "2:10", "is no name for this server"),
        ("[dns.https]", "1:1", "the key listen is missing here"),
        ("[dns.quic]", "1:1", "the key listen is missing here"),
        // [house] and [notify].
        ("[house]\nrouter = \"fritz.box\"", "2:10", "write the one of your router"),
        ("[notify]\nwebhook = \"mqtt://10.0.0.1\"", "2:11", "begins with neither http:// nor https://"),
        ("[notify]\nntfy_token = \"tk\"", "2:14", "opens nothing without ntfy"),
        ("[notify]\nmqtt = \"http://10.0.0.1\"", "2:8", "begins with neither mqtt:// nor mqtts://"),
        ("[notify]\nmqtt = \"mqtt://10.0.0.1/house/#\"", "2:8", "one with + or # in it"),
        ("[notify]\nmqtt = \"mqtt://me:pw@10.0.0.1\"", "2:8", "put them into mqtt_user and mqtt_password"),
        ("[notify]\nmqtt_user = \"me\"", "2:13", "opens nothing without mqtt"),
        ("[notify]\nmqtt = \"mqtt://10.0.0.1\"\nmqtt_password = \"pw\"", "3:17", "write mqtt_user as well"),
        ("[notify]\nmqtt = \"mqtt://10.0.0.1\"\nmqtt_user = \"\"", "3:13", "mqtt_user is empty"),
        // [upstream].
        ("[cache]\n[upstream]", "1:1", "there is no forwarder to ask"),
        ("[upstream]\nservers = []", "2:11", "there is no forwarder to ask"),
        ("[upstream]\nservers = [\"9.9.9.9\"]", "2:12", "write udp://9.9.9.9 or tls://9.9.9.9"),
        ("[upstream]\nservers = [\"ftp://9.9.9.9\"]", "2:12", "ftp:// is none of udp://"),
        ("[upstream]\nservers = [\"udp://dns.example\"]", "2:12", "udp:// needs the address of the server"),
        ("[upstream]\nservers = [\"udp://fd00::1\"]", "2:12", "write udp://[fd00::1]"),
        ("[upstream]\nservers = [\"tls://\"]", "2:12", "names no server"),
        ("[upstream]\nservers = [\"tls://dns.example\"]", "2:12", "add bootstrap = [\"9.9.9.9\"]"),
        ("[upstream]\nservers = [\"udp://9.9.9.9\", \"udp://9.9.9.9\"]", "2:29", "a second time"),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\nbootstrap = [\"dns.example\"]",
            "3:14",
            "bootstrap takes addresses",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomains = []\nservers = [\"udp://10.0.0.1\"]",
            "4:11",
            "this route names no domain",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomains = [\"a.example\"]\nservers = []",
            "5:11",
            "there is nobody to ask about these names",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomains = [\"a\", \".\"]\nservers = [\"tcp://10.0.0.1\"]",
            "4:17",
            "is every name",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomains = [\"a\", \"A.\"]\nservers = [\"tcp://10.0.0.1\"]",
            "4:17",
            "a second time",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\nstrategy = \"fast\"",
            "3:12",
            "choose one of fastest, failover, balance",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\nca = \"nowhere.pem\"",
            "3:6",
            "upstream.ca: /etc/sordino/nowhere.pem: ",
        ),
        // [cache], [blocking], [store], [web].
        ("[cache]\nsize = \"16 MegaByte\"", "2:8", "write one as in \"16 MiB\""),
        ("[blocking]\nanswer = \"nxdomian\"", "2:10", "\"nxdomian\" cannot stand here; did you mean nxdomain?"),
        ("[blocking]\nanswer = { ipv5 = \"1.2.3.4\" }", "2:12", "did you mean ipv4?"),
        ("[blocking]\nanswer = { ipv4 = \"1.2.3\" }", "2:19", "invalid IPv4 address"),
        ("[blocking]\nttl = 1000000", "2:7", "ttl is over 86400 seconds"),
        ("[store]\nflush = \"5 parsecs\"", "2:9", "write one as in \"30d\""),
        ("[store]\nflush = \"0s\"", "2:9", "flush is shorter than a second"),
        ("[store]\npath = \"\"", "2:8", "path names no directory"),
        ("[web]\nlisten = \"8053\"", "2:10", "\"\" switches the page off"),
        (hash_of_nothing, "2:17", "make one with `sordino hash-password`"),
        // [[list]].
        ("[[list]]\nname = \"a\"\nsource = \"ftp://lists.example/a\"", "3:10", "neither https:// nor http://"),
        ("[[list]]\nname = \"a\"\nsource = \"\"", "3:10", "source names no file"),
        ("[[list]]\nname = \"own\"\nsource = \"b\"", "2:8", "choose another name"),
        ("[[list]]\nname = \" \"\nsource = \"b\"", "2:8", "\" \" is no name"),
        ("[[list]]\nname = \"a\"\nsource = \"b\"\naction = \"blok\"", "4:10", "did you mean block?"),
        ("[[list]]\nname = \"a\"\nsource = \"b\"\nformat = \"adguard\"", "4:10", "choose one of auto, catalogue"),
        (
            "[[list]]\nname = \"ä\"\nsource = \"b\"\n[[list]]\nname = \"ä\"\nsource = \"c\"",
            "5:8",
            "ä stands here a second time; write each once",
        ),
        // [[profile]], [[device]].
        ("[[profile]]\nname = \"a\"\nlists = { x = \"of\" }", "3:15", "did you mean off?"),
        ("[[device]]\nname = \"tv\"", "2:8", "add mac = \"…\", ip = \"…\" or id = \"…\""),
        ("[[device]]\nname = \"tv\"\nid = \"t v\"", "3:6", "is no id"),
        ("[[device]]\nname = \"tv\"\nmac = \"3c:5a\"", "3:7", "it looks like 3c:5a:b4:01:02:03"),
        ("[[device]]\nname = \"tv\"\nip = \"192.168.1.5/24\"", "3:6", "write 192.168.1.0/24 or 192.168.1.5"),
        ("[[device]]\nname = \"tv\"\nip = [\"192.168.1.5\", \"1.2.3\"]", "3:22", "is no address and no network"),
        ("[[device]]\nname = \"tv\"\nip = \"192.168.1.0/33\"", "3:6", "is no address and no network"),
        ("[[device]]\nname = \"tv\"\nip = 4", "3:6", "an address or a network in quotation marks"),
        (
            "[[profile]]\nname = \"guests\"\n[[device]]\nname = \"tv\"\nip = \"fd00::5\"\nprofile = \"gusts\"",
            "6:11",
            "there is no profile \"gusts\"; did you mean guests?",
        ),
        (
            "[[device]]\nname = \"a\"\nip = \"fd00::5\"\n[[device]]\nname = \"b\"\nip = [\"fd00::6\", \"fd00::5\"]",
            "6:6",
            "fd00::5/128 stands here a second time",
        ),
    ]);
}

#[test]
fn mistakes_about_hours_names_of_the_house_and_lists_from_elsewhere_are_told() {
    check(&[
        // [[schedule]], [time], and who names one.
        (
            "[[schedule]]\nname = \"always\"\nslots = [{ from = \"21:00\", to = \"07:00\" }]",
            "2:8",
            "what no schedule is called; choose another name",
        ),
        ("[[schedule]]\nname = \"a\"\nslots = []", "3:9", "this schedule has no slot; write one as in"),
        ("[[schedule]]\nname = \"a\"", "1:1", "the key slots is missing here; add it"),
        ("[[schedule]]\nname = \"a\"\nslots = [{ from = \"21:00\" }]", "3:10", "the key to is missing here; add it"),
        ("[[schedule]]\nname = \"a\"\nslots = [{ form = \"21:00\", to = \"07:00\" }]", "3:12", "did you mean from?"),
        ("[[schedule]]\nname = \"a\"\nslots = [{ from = \"9 pm\", to = \"07:00\" }]", "3:19", "write one as in"),
        ("[[schedule]]\nname = \"a\"\nslots = [{ from = \"25:00\", to = \"07:00\" }]", "3:19", "write one as in"),
        (
            "[[schedule]]\nname = \"a\"\nslots = [{ days = [], from = \"21:00\", to = \"07:00\" }]",
            "3:19",
            "days names no day; write some as in",
        ),
        (
            "[[schedule]]\nname = \"a\"\nslots = [{ days = [\"monday\"], from = \"21:00\", to = \"07:00\" }]",
            "3:20",
            "choose one of mon, tue, wed",
        ),
        ("[[schedule]]\nname = \"a\"\nslots = [\"21:00-07:00\"]", "3:10", "a slot: { days = [\"mon\"]"),
        (
            "[[schedule]]\nname = \"a\"\nslots = [{ from = \"21:00\", to = \"07:00\" }]\n[[schedule]]\nname = \"a\"\nslots = [{ from = \"21:00\", to = \"07:00\" }]",
            "5:8",
            "a stands here a second time; write each once",
        ),
        (
            "[time]\nzone = \"Europe/Berln\"\n[[schedule]]\nname = \"a\"\nslots = [{ from = \"21:00\", to = \"07:00\" }]",
            "2:8",
            "there is no time zone \"Europe/Berln\"; did you mean Europe/Berlin?",
        ),
        (
            "[[list]]\nname = \"a\"\nsource = \"b\"\nschedule = \"bedtime\"",
            "4:12",
            "there is no schedule \"bedtime\"; make one with [[schedule]]",
        ),
        (
            "[[list]]\nname = \"a\"\nsource = \"b\"\nschedule = \"bedtim\"\n[[schedule]]\nname = \"bedtime\"\nslots = [{ from = \"21:00\", to = \"07:00\" }]",
            "4:12",
            "did you mean bedtime?",
        ),
        (
            "[[profile]]\nname = \"kids\"\nlists = { a = { action = \"off\", schedule = \"always\" } }",
            "3:44",
            "a list that is off has no use for a schedule",
        ),
        (
            "[[profile]]\nname = \"kids\"\nlists = { a = { sched = \"always\" } }",
            "3:17",
            "choose one of action, schedule",
        ),
        // [[local]], [[zone]].
        ("[[local]]\nname = \"a..b\"\naddress = \"192.168.1.5\"", "2:8", "is no domain name"),
        ("[[local]]\nname = \"nas.home.arpa\"", "2:8", "nothing is said about this name; add address"),
        (
            "[[local]]\nname = \"nas.home.arpa\"\naddress = \"192.168.1\"",
            "2:8",
            "\"192.168.1\" is no address; write one as in \"192.168.1.5\"",
        ),
        (
            "[[local]]\nname = \"nas.home.arpa\"\naddress = 4",
            "3:11",
            "a text in quotation marks, or several in brackets",
        ),
        (
            "[[local]]\nname = \"nas.home.arpa\"\ncname = \"a.example\"\naddress = \"192.168.1.5\"",
            "2:8",
            "an alias stands alone",
        ),
        (
            "[[local]]\nname = \"nas.home.arpa\"\nrecords = [\"MX ten mail.example.\"]",
            "2:8",
            "its records cannot be read",
        ),
        (
            "[[local]]\nname = \"nas.home.arpa\"\nrecords = [\"\"\"A 192.0.2.1\nA 192.0.2.2\"\"\"]",
            "2:8",
            "a record has one line; write several as",
        ),
        ("[[local]]\nname = \"nas.home.arpa\"\nadress = \"192.168.1.5\"", "3:1", "did you mean address?"),
        ("[[local]]\naddress = \"192.168.1.5\"", "1:1", "the key name is missing here; add it"),
        ("[[zone]]\nname = \"lab.home.arpa\"", "1:1", "the key file is missing here; add it"),
        ("[[zone]]\nname = \"lab..arpa\"\nfile = \"lab.zone\"", "2:8", "is no domain name"),
        ("[[zone]]\nname = \"lab.home.arpa\"\nfile = \"lab.zone\"\nttl = 5", "4:1", "choose one of name, file"),
        // [privacy], [guards], [bypass], [rebinding].
        ("[privacy]\nlevel = \"everythng\"", "2:9", "did you mean everything?"),
        ("[privacy]\nlevels = \"names\"", "2:1", "did you mean level?"),
        ("[guards]\noff = [{ list = \"xiaomi\" }]", "2:8", "the key name is missing here; add it"),
        ("[guards]\noff = [{ list = \"xiaomi\", nam = \"update.miui.com\" }]", "2:27", "did you mean name?"),
        ("[guards]\non = []", "2:1", "choose one of off"),
        ("[bypass]\nstop_firefox = true", "2:1", "did you mean stop_firefox_doh?"),
        ("[bypass]\nstop_private_relay = \"no\"", "2:22", "\"no\" cannot stand here; write true or false"),
        ("[rebinding]\nexcept = [\"plex..direct\"]", "2:11", "is no domain name"),
        ("[rebinding]\nprotect = \"yes\"", "2:11", "cannot stand here"),
        ("[rebinding]\nallow = []", "2:1", "choose one of protect, except"),
        // [[upstream.route]], [dns.tls], [dns.https], [dns.quic], [limits].
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\nservers = [\"udp://10.0.0.1\"]",
            "3:1",
            "the key domains is missing here; add it",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomains = [\"corp..example\"]\nservers = [\"udp://10.0.0.1\"]",
            "4:12",
            "is no domain, because",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomains = [\"corp.example\"]\nservers = [\"10.0.0.1\"]",
            "5:12",
            "write udp://10.0.0.1 or tls://10.0.0.1",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomain = [\"corp.example\"]\nservers = [\"udp://10.0.0.1\"]",
            "4:1",
            "did you mean domains?",
        ),
        ("[dns.tls]\nlisten = [\"0.0.0.0\"]", "2:11", "add the port"),
        (
            "[dns.tls]\nlisten = [\"[::1]:853\"]\ncertificate = \"nowhere.pem\"\nkey = \"nowhere.key\"",
            "3:15",
            "dns.tls.certificate: ",
        ),
        ("[dns.https]\nlisten = [\"[::1]:443\"]\nhttp3 = \"yes\"", "3:9", "cannot stand here"),
        ("[dns.https]\nlisten = [\"[::1]:443\", \"[::1]:443\"]", "2:24", "a second time"),
        ("[dns.quic]\nlisten = [\"[::1]:853\"]\ncert = \"a.pem\"", "3:1", "choose one of listen, certificate, key"),
        ("[dns]\nnames = [\"dns.example.org\", \"DNS.example.org.\"]", "2:29", "a second time"),
        ("[dns]\nnames = [\"*.example.org\"]", "2:10", "is no name for this server"),
        ("[limits]\nflights = 0", "1:1", "a bound of 0 lets nothing through; write flights = 1 or more"),
        ("[limits]\nflights = \"many\"", "2:11", "cannot stand here"),
        ("[limits]\nflights = -1", "2:11", "-1 cannot stand here; write a whole number, 0 or more"),
        ("[limits]\nevents = 99999999999", "1:1", "write events = 1000000 or less"),
        ("[limits]\nqueries_burst = 9223372036854775807", "1:1", "write queries_burst = 1000000 or less"),
        ("[limits]\ndevice_labels = 1000001", "1:1", "write device_labels = 1000000 or less"),
        ("[blocking]\nttl = 0", "2:7", "write ttl = 1 or more"),
        // [lists], and lists from elsewhere.
        ("[lists]\nrefresh = \"1m\"", "2:11", "refresh is shorter than an hour or longer than 30 days"),
        ("[lists]\nfetch_timeout = \"1d\"", "2:17", "fetch_timeout is shorter than a second or longer than an hour"),
        ("[lists]\nrefesh = \"1d\"", "2:1", "did you mean refresh?"),
        (
            "[[list]]\nname = \"a\"\nsource = \"b\"\nrefresh = \"1d\"",
            "3:10",
            "for lists that are fetched, and this one is a file",
        ),
        (
            "[[list]]\nname = \"a\"\nsource = \"https://lists.example/a\"\nrefresh = \"90d\"",
            "4:11",
            "refresh is shorter than an hour or longer than 30 days",
        ),
        (
            "[[list]]\nname = \"a\"\nsource = \"https://lists.example/a\"\ntrusted = true",
            "3:10",
            "a list from elsewhere cannot be trusted",
        ),
        (
            "[[list]]\nname = \"a\"\nsource = \"https://lists.example/a\"\nformat = \"catalogue\"",
            "3:10",
            "a catalogue is read from files only",
        ),
        ("[[list]]\nname = \"a\"\nsource = \"http://192.168.1.5/a\"", "3:10", "add private_server = true"),
        ("[[list]]\nname = \"a\"\nsource = \"b\"\nconfirmed = [\"wide\"]", "4:14", "choose one of too_wide, shrunk"),
        ("[[list]]\nname = \"a\"\nsource = \"b\"\ntier = \"carefull\"", "4:8", "did you mean careful?"),
        ("[[list]]\nname = \"a\"\nsource = \"b\"\nanswer = \"nul\"", "4:10", "did you mean null?"),
        (
            "[[list]]\nname = \"pause\"\nsource = \"b\"",
            "2:8",
            "your pauses of the page are called; choose another name",
        ),
        ("[[list]]\nname = \"essential\"\nsource = \"b\"", "2:8", "choose another name"),
        // [house], [dnssec], and what else is newer.
        (
            "[house]\nnewcomers = \"gusts\"\n[[profile]]\nname = \"guests\"",
            "2:13",
            "there is no profile \"gusts\"; did you mean guests?",
        ),
        ("[house]\nlease = []", "2:1", "did you mean leases?"),
        ("[dnssec]\ntrust_anchor = \"nowhere.key\"", "2:16", "dnssec.trust_anchor: "),
        ("[dnssec]\nvalidate = 1", "2:12", "cannot stand here"),
        ("[store]\ntallies = \"memory\"", "2:11", "write journal = \"memory\" or \"off\" as well"),
        ("[store]\njournal = \"ram\"", "2:11", "choose one of disk, memory, off"),
        ("[store]\nkeep_tallies = \"a year\"", "2:16", "write one as in \"30d\""),
        ("[cache]\nprefetch = \"yes\"", "2:12", "cannot stand here"),
        ("[web]\nhosts = \"sordino.lan\"", "2:9", "cannot stand here"),
        (
            "[[device]]\nname = \"a\"\nid = \"phone\"\n[[device]]\nname = \"b\"\nid = \"Phone\"",
            "6:6",
            "phone stands here a second time",
        ),
        ("[[device]]\nname = \"a\"\nid = \"phone\"\nlog = \"no\"", "4:7", "cannot stand here"),
    ]);
}
