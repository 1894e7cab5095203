// Reads EAN-13, EAN-8 (UPC-A is an EAN-13 that begins with 0) and Code 128 from a picture, for browsers without a BarcodeDetector.
// A few lines across the picture are turned into widths of bars and gaps, and widths into digits; check digits refuse misreadings.
"use strict";
window.readBarcode = (() => {
  const LINES = 17;
  const LEAST_CONTRAST = 30;
  const DIGITS = ["3211", "2221", "2122", "1411", "1132", "1231", "1114", "1312", "1213", "3112"];
  // Which of the six left digits are mirrored says the first digit.
  const FIRST = ["LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"];
  const CODE_128 = ("212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    + "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 "
    + "131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 "
    + "213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 "
    + "112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 "
    + "421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 211214 211232")
    .split(" ");
  const widths = (pattern) => [...pattern].map(Number);
  const LEFT = DIGITS.map(widths);
  const MIRRORED = DIGITS.map((pattern) => widths(pattern).reverse());
  const SIGNS = CODE_128.map(widths);
  const [START_A, START_C, TO_C, TO_B, TO_A, SHIFT] = [103, 105, 99, 100, 101, 98];

  // Runs of light and dark along one line, the first of them light. What is dark is judged by its own surroundings.
  function runsOf(light) {
    const around = Math.max(12, light.length >> 3);
    const runs = [];
    let dark = false;
    let length = 0;
    for (let at = 0; at < light.length; at += 1) {
      let [least, most] = [255, 0];
      for (let near = Math.max(0, at - around); near < Math.min(light.length, at + around); near += 2) {
        least = Math.min(least, light[near]);
        most = Math.max(most, light[near]);
      }
      const now = most - least > LEAST_CONTRAST && light[at] < (least + most) / 2;
      if (now === dark) length += 1;
      else { runs.push(length); length = 1; dark = now; }
    }
    runs.push(length);
    return runs;
  }

  // The pattern these runs look like, or -1: no run may be off by more than two thirds of a module.
  function nearest(runs, from, patterns, modules) {
    const size = patterns[0].length;
    let whole = 0;
    for (let at = 0; at < size; at += 1) whole += runs[from + at];
    let [found, best] = [-1, 0.45 * size];
    patterns.forEach((pattern, which) => {
      let off = 0;
      for (let at = 0; at < size; at += 1) {
        const each = Math.abs((runs[from + at] * modules) / whole - pattern[at]);
        off += each > 0.67 ? 99 : each;
      }
      if (off < best) [found, best] = [which, off];
    });
    return found;
  }

  function checked(digits) {
    const sum = [...digits].reverse().reduce((total, digit, at) => total + Number(digit) * (at % 2 ? 3 : 1), 0);
    return sum % 10 === 0 ? digits : "";
  }

  // `half` digits on each side of the middle: six of EAN-13, four of EAN-8. `from` is the first bar of the left guard.
  function ean(runs, from, half) {
    const count = 11 + half * 8;
    if (from + count > runs.length) return "";
    const modules = 11 + half * 14;
    let whole = 0;
    for (let at = from; at < from + count; at += 1) whole += runs[at];
    const module = whole / modules;
    const guards = [from, from + 1, from + 2, from + 3 + half * 4, from + 5 + half * 4, from + count - 3, from + count - 1];
    if (runs[from - 1] < 4 * module || guards.some((at) => Math.abs(runs[at] / module - 1) > 0.75)) return "";
    let [digits, parity] = ["", ""];
    for (let at = 0; at < half * 2; at += 1) {
      const start = from + 3 + at * 4 + (at < half ? 0 : 5);
      const plain = nearest(runs, start, LEFT, 7);
      const mirrored = at < half && plain < 0 ? nearest(runs, start, MIRRORED, 7) : -1;
      if (plain < 0 && mirrored < 0) return "";
      digits += plain >= 0 ? plain : mirrored;
      if (at < half) parity += plain >= 0 ? "L" : "G";
    }
    if (half === 4) return parity === "LLLL" ? checked(digits) : "";
    const first = FIRST.indexOf(parity);
    return first < 0 ? "" : checked(first + digits);
  }

  function code128(runs, from) {
    const values = [];
    for (let at = from; at + 6 < runs.length; at += 6) {
      const value = nearest(runs, at, SIGNS, 11);
      if (value < 0) break; // the stop sign, or no code at all: the check value below tells
      values.push(value);
    }
    if (values.length < 3 || values[0] < START_A || values[0] > START_C) return "";
    const check = values.pop();
    const sum = values.reduce((total, value, at) => total + value * Math.max(1, at), 0);
    return sum % 103 === check ? spelled(values) : "";
  }

  function spelled(values) {
    let set = "ABC"[values[0] - START_A];
    let once = "";
    let text = "";
    for (const value of values.slice(1)) {
      const here = once || set;
      once = "";
      if (here === "C" ? value < 100 : value < 96) text += letter(here, value);
      else if (value === TO_C) set = "C";
      else if (value === TO_B) set = "B";
      else if (value === TO_A) set = "A";
      else if (value === SHIFT) once = here === "A" ? "B" : "A";
    }
    return text;
  }

  function letter(set, value) {
    if (set === "C") return String(value).padStart(2, "0");
    return String.fromCharCode(set === "A" && value > 63 ? value - 64 : value + 32);
  }

  function inRuns(runs) {
    for (let from = 1; from + 12 < runs.length; from += 2) {
      const found = ean(runs, from, 6) || ean(runs, from, 4) || code128(runs, from);
      if (found) return found;
    }
    return "";
  }

  function inLine(light) {
    const runs = runsOf(light);
    const turned = [...runs].reverse();
    return inRuns(runs) || inRuns(runs.length % 2 ? turned : [0, ...turned]);
  }

  // The code in a picture (ImageData), "" where there is none.
  return (picture) => {
    for (let line = 1; line <= LINES; line += 1) {
      const row = Math.floor((picture.height * line) / (LINES + 1)) * picture.width;
      const light = new Uint8Array(picture.width);
      for (let at = 0; at < picture.width; at += 1) {
        const dot = (row + at) * 4;
        light[at] = (picture.data[dot] * 3 + picture.data[dot + 1] * 6 + picture.data[dot + 2]) / 10;
      }
      const found = inLine(light);
      if (found) return found;
    }
    return "";
  };
})();
