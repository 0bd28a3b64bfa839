// Relative dates and times ("Today", "Tue"), renewed at midnight in the reader's time zone and when a page wakes up on
// another day. `<time data-format>` names the format, as in views/clock.py.
const lang = document.documentElement.lang;
const parts = (options, date) =>
  Object.fromEntries(
    new Intl.DateTimeFormat(lang, options).formatToParts(date).map(({ type, value }) => [type, value]),
  );
let today = isoOf(new Date());
let timer = 0;

// YYYY-MM-DD in the reader's time zone.
function isoOf(date) {
  return date.toLocaleDateString("sv");
}

// Noon for a whole day, so that daylight saving can't shift it to another day.
function dateOf(datetime) {
  return new Date(datetime.length > 10 ? datetime : `${datetime}T12:00`);
}

// The day of a time as YYYY-MM-DD, and the time of day, both in the reader's time zone.
export function dayOf(datetime) {
  return isoOf(new Date(datetime));
}

export function timeOf(datetime) {
  return dateOf(datetime).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

export function formatted(format, datetime) {
  const date = dateOf(datetime);
  const time = timeOf(datetime);
  const ago = Math.round((Date.parse(today) - Date.parse(isoOf(date))) / 86_400_000);
  if (format === "short" && ago === 0) return time;
  if (format === "short" && ago > 0 && ago < 7) return parts({ weekday: "short" }, date).weekday;
  const day = relativeDay(ago) || calendarDate(date, format === "day" ? "long" : "short", format === "day");
  return format === "point"
    ? `${day}, ${time}`
    : format === "short" && relativeDay(ago)
      ? calendarDate(date, "short")
      : day;
}

function relativeDay(ago) {
  if (ago !== 0 && ago !== 1) return "";
  const word = new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(-ago, "day");
  return word[0].toLocaleUpperCase(lang) + word.slice(1);
}

// The same order in all languages, as on the server; with the month in its form beside a day.
function calendarDate(date, length, hasWeekday = false) {
  const { day, month } = parts({ day: "numeric", month: length }, date);
  const year = date.getFullYear();
  const weekday = hasWeekday ? `${parts({ weekday: "long" }, date).weekday}, ` : "";
  return `${weekday}${day} ${month}${year === new Date().getFullYear() ? "" : ` ${year}`}`;
}

function updateAll() {
  for (const time of document.querySelectorAll("time[data-format]")) {
    const text = formatted(time.dataset.format, time.dateTime);
    if (time.textContent !== text) time.textContent = text;
  }
}

function refresh() {
  const now = isoOf(new Date());
  if (now !== today) {
    today = now;
    updateAll();
  }
  const midnight = new Date();
  midnight.setHours(24, 0, 0, 0);
  clearTimeout(timer);
  timer = setTimeout(refresh, midnight - Date.now());
}

for (const [where, type] of [
  [document, "visibilitychange"],
  [window, "focus"],
  [window, "pageshow"],
  [document, "connection"],
])
  where.addEventListener(type, refresh);
document.addEventListener("chat-opened", updateAll); // a kept pane may be from yesterday
updateAll();
refresh();
