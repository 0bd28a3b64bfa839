// Sets a cookie with the reader's time zone, for the server.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `time_zone=${timeZone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}
