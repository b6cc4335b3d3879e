/* A Chromium that is told what to open and says what it saw: one JSON object a
 * line each way. Started by tests/lib/browser.py.
 *
 * {"url", "language", "scheme": "light|dark", "width", "shot": FILE,
 *  "axe": bool, "valid": bool}
 * → {"status", "text", "headers", "width", "executed": [], "foreign": [],
 *    "elements": [], "axe": [], "invalid": [], "title"}
 *
 * executed: dialogs, errors of scripts, violations of the page's own policy
 * (markup that got in, even if it did nothing). foreign: requests beyond the
 * page and what belongs to it. elements: what the pages never have. */
"use strict";
const readline = require("readline");
const modules = process.argv[2];
const { chromium } = require(modules + "/playwright-core");
const { HtmlValidate } = require(modules + "/html-validate");
const axe = require(modules + "/axe-core");

const validator = new HtmlValidate({
    extends: ["html-validate:recommended", "html-validate:document"],
    rules: {
        // Ours are typed in one line and read by nobody.
        "no-trailing-whitespace": "off",
        "long-title": "off",
        // <svg> paths and their like.
        "void-style": "off",
        "no-inline-style": "error",
        "require-sri": "off",
    },
});

const own = /^\/(page\.css|favicon\.svg)(\?.*)?$/;

/* In the page: anything that could run, load or lead elsewhere. */
function strangers() {
    const found = [];
    const never = "script,iframe,frame,object,embed,img,video,audio,base,style," +
        "meta[http-equiv],template,math,foreignObject,animate,set,use,portal,marquee";
    for (const e of document.querySelectorAll(never))
        found.push(e.outerHTML.slice(0, 200));
    for (const e of document.querySelectorAll("*"))
        for (const a of e.attributes) {
            const url = ["href", "src", "action", "formaction", "xlink:href"];
            if (/^on/i.test(a.name) || a.name === "style" || a.name === "srcdoc" ||
                (url.includes(a.name) && !/^(\/|#|https?:\/\/)/.test(a.value)))
                found.push(e.tagName + " " + a.name + "=" + a.value);
        }
    return found;
}

async function check_axe(page) {
    await page.evaluate(axe.source);
    const seen = await page.evaluate(() => axe.run(document, {
        resultTypes: ["violations"],
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
                  "best-practice"],
    }));
    return seen.violations.map(v => v.id + ": " + v.nodes.slice(0, 3)
        .map(n => n.html.slice(0, 160) + " " + n.failureSummary).join(" | "));
}

async function check_valid(text) {
    const report = await validator.validateString(text);
    return report.results.flatMap(r => r.messages)
        .filter(m => m.severity === 2)
        .map(m => m.line + ":" + m.column + " " + m.ruleId + ": " + m.message);
}

async function visit(browser, job) {
    const context = await browser.newContext({
        colorScheme: job.scheme || "light",
        locale: job.language || "en-US",
        viewport: { width: job.width || 1280, height: 900 },
        httpCredentials: job.password && { username: "x", password: job.password },
    });
    const seen = { executed: [], foreign: [] };
    try {
        const page = await context.newPage();
        const origin = new URL(job.url).origin;
        page.on("dialog", d => { seen.executed.push("dialog " + d.message()); d.dismiss(); });
        page.on("pageerror", e => seen.executed.push("error " + e.message));
        page.on("popup", p => seen.executed.push("window " + p.url()));
        page.on("console", m => {
            if (m.type() === "error" && !/the server responded with a status/.test(m.text()))
                seen.executed.push("console " + m.text());
        });
        page.on("request", r => {
            const at = new URL(r.url());
            if (r.url() !== new URL(job.url).href && !(at.origin === origin && own.test(at.pathname + at.search)))
                seen.foreign.push(r.url());
        });
        const answer = await page.goto(job.url, { waitUntil: "load" });
        seen.status = answer.status();
        seen.headers = answer.headers();
        const source = await answer.text();
        seen.bytes = source.length;
        Object.assign(seen, await page.evaluate(() => ({
            text: document.body.innerText, title: document.title,
            width: document.documentElement.scrollWidth,
            all: document.body.textContent,
            language: document.documentElement.lang,
            ground: getComputedStyle(document.body).backgroundColor,
        })));
        seen.elements = await page.evaluate(strangers);
        if (job.shot)
            await page.screenshot({ path: job.shot, fullPage: true });
        if (job.axe)
            seen.axe = await check_axe(page);
        if (job.valid)
            seen.invalid = await check_valid(source);
    } finally {
        await context.close();
    }
    return seen;
}

(async () => {
    const browser = await chromium.launch({
        executablePath: "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
               "--disable-background-networking", "--disable-component-update",
               "--disable-sync"],
    });
    for await (const line of readline.createInterface({ input: process.stdin })) {
        let answer;
        try {
            answer = await visit(browser, JSON.parse(line));
        } catch (e) {
            answer = { error: String(e.stack || e) };
        }
        process.stdout.write(JSON.stringify(answer) + "\n");
    }
    await browser.close();
})();
