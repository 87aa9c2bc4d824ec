// Find time zones by what people call them: a city, a country as the browser knows it, or the name of IANA.

/** @typedef {{zone: string, label: string, country: string}} Suggestion */

const MOST = 12;
// Large cities without a zone of their own name, and names in Japanese; first the one to show.
const CITIES = /** @type {Record<string, string>} */ ({
  "Europe/Berlin": "Berlin Munich München Hamburg Cologne Köln Frankfurt Stuttgart ベルリン ミュンヘン フランクフルト",
  "Europe/London": "London Manchester Edinburgh Cardiff ロンドン", "Europe/Paris": "Paris Lyon Marseille Nice パリ",
  "Europe/Madrid": "Madrid Barcelona Sevilla マドリード バルセロナ", "Europe/Rome": "Rome Roma Milan Milano Naples ローマ ミラノ",
  "Europe/Zurich": "Zurich Zürich Geneva Genève Basel Bern チューリッヒ ジュネーブ", "Europe/Vienna": "Vienna Wien Salzburg Graz ウィーン",
  "Europe/Amsterdam": "Amsterdam Rotterdam アムステルダム", "Europe/Brussels": "Brussels Bruxelles Antwerp ブリュッセル",
  "Europe/Prague": "Prague Praha Brno プラハ", "Europe/Warsaw": "Warsaw Warszawa Kraków Krakow ワルシャワ",
  "Europe/Moscow": "Moscow モスクワ", "Europe/Istanbul": "Istanbul Ankara イスタンブール", "Europe/Helsinki": "Helsinki ヘルシンキ",
  "Europe/Stockholm": "Stockholm Gothenburg ストックホルム", "Europe/Copenhagen": "Copenhagen København コペンハーゲン",
  "America/New_York": "New·York Washington Boston Miami Atlanta Philadelphia ニューヨーク ワシントン ボストン",
  "America/Chicago": "Chicago Houston Dallas Austin シカゴ ヒューストン", "America/Denver": "Denver Salt·Lake·City デンバー",
  "America/Los_Angeles": "Los·Angeles San·Francisco Seattle San·Diego Las·Vegas Portland ロサンゼルス サンフランシスコ シアトル",
  "America/Toronto": "Toronto Montreal Ottawa トロント", "America/Vancouver": "Vancouver バンクーバー",
  "America/Sao_Paulo": "São·Paulo Sao·Paulo Rio·de·Janeiro サンパウロ リオデジャネイロ", "America/Mexico_City": "Mexico·City メキシコシティ",
  "Pacific/Honolulu": "Honolulu Hawaii ホノルル ハワイ", "Asia/Tokyo": "Tokyo Osaka Kyoto Nagoya Sapporo Fukuoka 東京 大阪 京都 名古屋 札幌 福岡 日本",
  "Asia/Seoul": "Seoul Busan ソウル 釜山", "Asia/Shanghai": "Shanghai Beijing Shenzhen Guangzhou 上海 北京 深圳", "Asia/Hong_Kong": "Hong·Kong 香港",
  "Asia/Taipei": "Taipei 台北", "Asia/Singapore": "Singapore シンガポール", "Asia/Bangkok": "Bangkok Phuket バンコク",
  "Asia/Ho_Chi_Minh": "Saigon Ho·Chi·Minh Hanoi ホーチミン ハノイ", "Asia/Jakarta": "Jakarta ジャカルタ", "Asia/Manila": "Manila マニラ",
  "Asia/Kolkata": "Kolkata Mumbai Delhi Bangalore Bengaluru Chennai ムンバイ デリー", "Asia/Calcutta": "Calcutta Mumbai Delhi Bangalore Chennai ムンバイ デリー",
  "Asia/Dubai": "Dubai Abu·Dhabi ドバイ", "Asia/Jerusalem": "Jerusalem Tel·Aviv エルサレム", "Africa/Cairo": "Cairo カイロ",
  "Australia/Sydney": "Sydney Canberra シドニー", "Australia/Melbourne": "Melbourne メルボルン", "Pacific/Auckland": "Auckland Wellington オークランド",
});

export class Cities {
  #locale;
  /** @type {{zone: string, city: string, country: string, words: string[]}[]} */
  #entries = [];

  /** @param {string} language of the names of countries */
  constructor(language) {
    this.#locale = language;
  }

  /** The best matches for what somebody types, at most twelve. @param {string} typed @returns {Suggestion[]} */
  find(typed) {
    const sought = plain(typed);
    if (!sought) return [];
    const ranked = this.#all().flatMap((entry) => {
      const rank = Math.min(...entry.words.map((word) => rankOf(word, sought)));
      return rank < 3 ? [{ entry, rank }] : [];
    });
    ranked.sort((one, other) => one.rank - other.rank || one.entry.zone.localeCompare(other.entry.zone));
    return ranked.slice(0, MOST).map(({ entry: { zone, city, country } }) => ({ zone, country, label: this.label(zone, matching(zone, city, typed)) }));
  }

  /** The zone of a suggestion or of a city; undefined where there is none, or more than one. @param {string} typed */
  zoneOf(typed) {
    const found = this.find(typed.replace(/\s*\(.*\)$/, ""));
    const exact = found.find(({ zone, label }) => label === typed || plain(zone) === plain(typed));
    const named = exact ?? this.#all().find(({ words }) => words.includes(plain(typed)));
    return (named ?? (found.length === 1 ? found[0] : undefined))?.zone;
  }

  /** @param {string} zone @param {string} [city] */
  label(zone, city = cityOf(zone)) {
    return `${city} (${zone.replaceAll("_", " ")})`;
  }

  // Made when somebody first types: a formatter for each zone takes a while.
  #all() {
    if (!this.#entries.length) {
      const zones = new Set([...Intl.supportedValuesOf("timeZone"), "UTC"]);
      this.#entries = [...zones].map((zone) => {
        const known = (CITIES[zone] ?? "").split(" ").filter(Boolean).map((word) => word.replaceAll("·", " "));
        const [city, country] = [cityOf(zone), this.#country(zone)];
        const words = [city, zone, ...known, country].map(plain);
        return { zone, city, country, words: [...new Set(words)].filter(Boolean) };
      });
    }
    return this.#entries;
  }

  /** @param {string} zone the zone as the browser calls it, such as "Germany Time" */
  #country(zone) {
    const options = /** @type {const} */ ({ timeZone: zone, timeZoneName: "shortGeneric" });
    const parts = new Intl.DateTimeFormat(this.#locale, options).formatToParts(0);
    return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  }
}

/** @param {string} zone */
function cityOf(zone) {
  return (zone.split("/").pop() ?? zone).replaceAll("_", " ");
}

/** The city that was meant, as it was typed if one is spelt so. @param {string} zone @param {string} city @param {string} typed */
function matching(zone, city, typed) {
  const known = [city, ...(CITIES[zone] ?? "").split(" ").map((word) => word.replaceAll("·", " "))];
  const begun = typed.trim().toLowerCase();
  return known.find((word) => word.toLowerCase().startsWith(begun)) ?? known.find((word) => plain(word).startsWith(plain(typed))) ?? city;
}

/** @param {string} word @param {string} sought */
function rankOf(word, sought) {
  if (word === sought) return 0;
  if (word.startsWith(sought)) return 1;
  return word.includes(sought) ? 2 : 3;
}

/** Without case, accents and underscores. @param {string} text */
function plain(text) {
  return text.trim().replaceAll("_", " ").normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().normalize("NFC");
}
