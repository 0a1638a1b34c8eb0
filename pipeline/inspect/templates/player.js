"use strict";
// Plays the clips of this page: positions come as base64 in each player's own JSON, nothing is loaded from elsewhere.
(() => {
  const RATE = 30, ROW = 12, PAD = 8, NEAR = 14, TILT = 0.15;
  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const ofSlot = (slot) => colourOf(slot < 0 ? "--faint" : `--b${slot % 4}`);

  function unpack(panel, nJoints) {
    const view = new DataView(bytesOf(panel.points).buffer), seen = bytesOf(panel.measured);
    panel.at = (p, v, c) => view.getInt16(2 * ((p * nJoints + v) * 3 + c), true) * panel.quantum;
    panel.seen = (p, v) => seen[p * nJoints + v] > 0;
    panel.ofStep = panel.steps.map(() => []);
    panel.step.forEach((step, p) => panel.ofStep[step].push(p));
  }

  function nearest(steps, frame) {
    let best = 0;
    for (let i = 1; i < steps.length; i++) if (Math.abs(steps[i] - frame) < Math.abs(steps[best] - frame)) best = i;
    return best;
  }

  function fit(canvas, height) {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, high = height || canvas.clientHeight;
    if (height) canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(high * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    return [pen, width, high];
  }

  function start(box) {
    const scene = JSON.parse(box.querySelector("script").textContent);
    const find = (what) => box.querySelector(what), canvases = [...box.querySelectorAll(".panel canvas")];
    const range = find("input"), play = find(".play"), speed = find("select"), words = find("output"), strip = find(".strip");
    const state = { frame: Number(range.value), yaw: 0, pitch: TILT, zoom: 1, playing: false, last: 0, pointer: null };
    scene.panels.forEach((panel) => unpack(panel, scene.joints.length));

    function project(panel, width, height) {
      const [cy, sy, cp, sp] = [Math.cos(state.yaw), Math.sin(state.yaw), Math.cos(state.pitch), Math.sin(state.pitch)];
      const scale = (state.zoom * Math.min(width, height)) / 2 / panel.radius;
      return (x, y, z) => {
        if (!panel.is_3d) return [width / 2 + x * scale, height / 2 - y * scale];
        const across = x * cy + z * sy, away = z * cy - x * sy;
        return [width / 2 + across * scale, height / 2 - (y * cp + away * sp) * scale];
      };
    }

    // The lines stand still in the room: where the picture follows somebody, they pass by.
    function drawFloor(pen, panel, to, step) {
      if (!panel.is_3d) return;
      const half = panel.radius, cell = half / 4;
      pen.strokeStyle = colourOf("--grid");
      pen.lineWidth = 1;
      pen.beginPath();
      for (const [at, ends] of [[panel.across[step], (d, e) => [d, e]], [panel.away[step], (d, e) => [e, d]]]) {
        for (let d = Math.ceil((at - half) / cell) * cell - at; d <= half; d += cell) {
          for (const [move, e] of [["moveTo", -half], ["lineTo", half]]) {
            const [x, z] = ends(d, e);
            pen[move](...to(x, panel.floor, z));
          }
        }
      }
      pen.stroke();
    }

    function drawBody(pen, panel, p, to, found) {
      const places = scene.joints.map((_, v) => to(panel.at(p, v, 0), panel.at(p, v, 1), panel.at(p, v, 2)));
      const colour = ofSlot(panel.slot[p]);
      pen.strokeStyle = colour;
      pen.lineCap = "round";
      for (const [a, b] of scene.bones) {
        const whole = panel.seen(p, a) && panel.seen(p, b);
        pen.lineWidth = whole ? 3 : 1.2;
        pen.setLineDash(whole ? [] : [3, 4]);
        pen.globalAlpha = whole ? 1 : 0.45;
        pen.beginPath();
        pen.moveTo(...places[a]);
        pen.lineTo(...places[b]);
        pen.stroke();
      }
      pen.setLineDash([]);
      pen.globalAlpha = 1;
      places.forEach(([x, y], v) => {
        const seen = panel.seen(p, v);
        pen.beginPath();
        pen.arc(x, y, seen ? 3.4 : 3.8, 0, 2 * Math.PI);
        pen.fillStyle = seen ? colour : colourOf("--paper");
        pen.fill();
        pen.lineWidth = seen ? 1 : 1.5;
        pen.strokeStyle = seen ? colourOf("--paper") : colour;
        pen.stroke();
        pen.strokeStyle = colour;
        if (state.pointer && state.pointer.panel === panel) {
          const far = Math.hypot(x - state.pointer.x, y - state.pointer.y);
          if (far < NEAR && (!found.text || far < found.far)) {
            const name = panel.bodies[panel.body[p]];
            Object.assign(found, { far, x, y, text: `${scene.joints[v]}${seen ? "" : " (not measured)"}, ${name}` });
          }
        }
      });
    }

    function drawPanel(panel, canvas) {
      const [pen, width, height] = fit(canvas), to = project(panel, width, height), found = {};
      const step = nearest(panel.steps, state.frame);
      pen.clearRect(0, 0, width, height);
      drawFloor(pen, panel, to, step);
      panel.ofStep[step].forEach((p) => drawBody(pen, panel, p, to, found));
      pen.font = "13px system-ui, sans-serif";
      if (!panel.ofStep[step].length) {
        pen.fillStyle = colourOf("--soft");
        pen.textAlign = "center";
        pen.fillText("no body in this frame", width / 2, height / 2);
        pen.textAlign = "left";
      }
      if (found.text) {
        const wide = pen.measureText(found.text).width + 10;
        const x = Math.max(2, Math.min(found.x + 8, width - wide - 2)), y = Math.max(2, found.y - 28);
        pen.fillStyle = colourOf("--ink");
        pen.fillRect(x, y, wide, 20);
        pen.fillStyle = colourOf("--paper");
        pen.fillText(found.text, x + 5, y + 14.5);
      }
      return step;
    }

    function drawStrip() {
      const ticks = scene.sampled.length ? 8 : 0, rows = scene.strips.length, high = rows * ROW + ticks;
      if (!high) return;
      const [pen, width] = fit(strip, high + 2), scale = (width - 2 * PAD) / Math.max(1, scene.frames - 1);
      pen.clearRect(0, 0, width, high + 2);
      scene.strips.forEach((text, row) => {
        pen.fillStyle = ofSlot(scene.slots[row]);
        for (const run of text.matchAll(/(\d)\1*/g)) {
          pen.globalAlpha = 0.25 + (0.75 * Number(run[1])) / 9;
          pen.fillRect(PAD + (run.index - 0.5) * scale, row * ROW + 1, Math.max(1, run[0].length * scale), ROW - 3);
        }
      });
      pen.globalAlpha = 1;
      pen.fillStyle = colourOf("--soft");
      scene.sampled.forEach((t) => pen.fillRect(PAD + t * scale - 0.5, rows * ROW + 2, 1, 6));
      pen.fillStyle = colourOf("--ink");
      pen.fillRect(PAD + Math.floor(state.frame) * scale - 0.75, 0, 1.5, high + 2);
    }

    function draw() {
      const steps = scene.panels.map((panel, i) => drawPanel(panel, canvases[i]));
      drawStrip();
      range.value = String(Math.floor(state.frame));
      const last = scene.panels.length - 1, sampled = scene.sampled.length ? `, sampled frame ${steps[last] + 1} (source ${scene.sampled[steps[last]] + 1})` : "";
      words.value = `source frame ${Math.floor(state.frame) + 1} of ${scene.frames}${sampled}`;
      range.setAttribute("aria-valuetext", words.value);
    }

    function tick(now) {
      if (!state.playing) return;
      state.frame += ((now - state.last) / 1000) * RATE * Number(speed.value);
      if (state.frame >= scene.frames) state.frame %= scene.frames;
      state.last = now;
      draw();
      requestAnimationFrame(tick);
    }

    function run(playing) {
      state.playing = playing;
      play.textContent = playing ? "❚❚ pause" : "▶ play";
      state.last = performance.now();
      if (playing) requestAnimationFrame(tick);
      else draw();
    }

    function turn(yaw, pitch) {
      state.yaw += yaw;
      state.pitch = Math.max(-1.5, Math.min(1.5, state.pitch + pitch));
      draw();
    }

    const keys = { ArrowLeft: () => turn(-0.1, 0), ArrowRight: () => turn(0.1, 0), ArrowUp: () => turn(0, 0.1), ArrowDown: () => turn(0, -0.1), " ": () => run(!state.playing), "+": () => { state.zoom *= 1.15; draw(); }, "-": () => { state.zoom /= 1.15; draw(); } };
    canvases.forEach((canvas, i) => {
      canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); state.drag = [event.clientX, event.clientY]; });
      canvas.addEventListener("pointerup", () => { state.drag = null; });
      canvas.addEventListener("pointermove", (event) => {
        state.pointer = { panel: scene.panels[i], x: event.offsetX, y: event.offsetY };
        if (!state.drag || !scene.panels[i].is_3d) { draw(); return; }
        const [x, y] = state.drag;
        state.drag = [event.clientX, event.clientY];
        turn((event.clientX - x) / 120, (event.clientY - y) / 120);
      });
      canvas.addEventListener("pointerleave", () => { state.pointer = null; draw(); });
      canvas.addEventListener("keydown", (event) => { if (keys[event.key]) { event.preventDefault(); keys[event.key](); } });
    });
    range.addEventListener("input", () => { state.frame = Number(range.value); run(false); });
    play.addEventListener("click", () => run(!state.playing));
    find(".reset").addEventListener("click", () => { Object.assign(state, { yaw: 0, pitch: TILT, zoom: 1 }); draw(); });
    new ResizeObserver(draw).observe(box);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    draw();
    if (box.dataset.autoplay && !window.matchMedia("(prefers-reduced-motion: reduce)").matches) run(true);
  }

  document.querySelectorAll(".player").forEach(start);
})();
