// Runs before anything else of the page: the language and the theme that the person chose.
(() => {
  const chosen = /(?:^|; )pg_language=([^;]+)/.exec(document.cookie)?.[1];
  const language = chosen ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en");
  Object.defineProperty(navigator, "language", { get: () => language });
  Object.defineProperty(navigator, "languages", { get: () => [language] });
  document.documentElement.lang = language;
  const theme = localStorage.getItem("pg-theme");
  if (!theme) return;
  const url = new URL(location.href);
  if (url.searchParams.get("__theme") === theme) return;
  url.searchParams.set("__theme", theme);
  history.replaceState(history.state, "", url);
})();
