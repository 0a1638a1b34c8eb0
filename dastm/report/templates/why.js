"use strict";
// Plays two clips along their alignment: every step of the path shows the two frames that were compared.
(() => {
  const RATE = 6, NEAR = 16, TILT = 0.12, LEAST = 2.5, MOST = 13;
  const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const mixed = (share) => {
    const [cold, hot] = [parts(colourOf("--cold")), parts(colourOf("--hot"))];
    return `rgb(${cold.map((from, i) => Math.round(from + (hot[i] - from) * share)).join(" ")})`;
  };

  function start(box) {
    const scene = JSON.parse(box.querySelector("script").textContent), last = scene.path.length - 1;
    const find = (what) => box.querySelector(what), canvases = [...box.querySelectorAll("canvas")];
    const [range, play, speed, of, told] = ["input", ".play", ".speed", ".of", ".told"].map(find);
    const whens = [...box.querySelectorAll("figcaption output")];
    const chart = box.nextElementSibling.querySelector(".costs"), now = chart.querySelector(".now");
    const points = chart.querySelector(".path").getAttribute("points").split(" ").map((pair) => pair.split(","));
    const state = { at: 0, yaw: 0, pitch: scene.turns ? TILT : 0, playing: false, before: 0, pointer: null, drag: null };
    const step = () => Math.min(last, Math.floor(state.at + 1e-6));

    // Between two steps of the path the poses move on evenly: only whole steps are what was compared.
    function pose(side) {
      const from = scene.path[step()][side], to = scene.path[Math.min(last, step() + 1)][side], share = state.at - step();
      const [a, b] = [scene.panels[side].poses[from], scene.panels[side].poses[to]];
      return a.map((place, v) => place.map((value, c) => value + (b[v][c] - value) * share));
    }

    function shareOf(v) {
      return of.value === "step" ? [scene.parts[step()][v], scene.mostStep] : [scene.shares[v], scene.mostJoint];
    }

    function draw(side) {
      const canvas = canvases[side], ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      const pen = canvas.getContext("2d");
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      const [cy, sy, cp, sp] = [Math.cos(state.yaw), Math.sin(state.yaw), Math.cos(state.pitch), Math.sin(state.pitch)];
      const scale = 0.44 * Math.min(width, height);
      const places = pose(side).map(([x, y, z = 0]) => {
        const away = z * cy - x * sy;
        return [width / 2 + (x * cy + z * sy) * scale, height / 2 - (y * cp + away * sp) * scale];
      });
      const seen = scene.panels[side].seen[scene.path[step()][side]];
      pen.lineCap = "round";
      pen.lineWidth = 3;
      pen.strokeStyle = colourOf("--faint");
      for (const [a, b] of scene.bones) {
        if (!seen[a] || !seen[b]) continue;
        pen.beginPath();
        pen.moveTo(...places[a]);
        pen.lineTo(...places[b]);
        pen.stroke();
      }
      let found = null;
      const size = Math.min(1, width / 300);
      places.forEach(([x, y], v) => {
        if (!seen[v]) return;
        const [share, most] = shareOf(v), part = most > 0 ? Math.max(0, Math.min(1, share / most)) : 0;
        pen.beginPath();
        pen.arc(x, y, (LEAST + (MOST - LEAST) * Math.sqrt(part)) * size + 0.5, 0, 2 * Math.PI);
        pen.fillStyle = mixed(part);
        pen.fill();
        pen.lineWidth = 1;
        pen.strokeStyle = colourOf("--paper");
        pen.stroke();
        if (state.pointer && state.pointer.side === side) {
          const far = Math.hypot(x - state.pointer.x, y - state.pointer.y);
          if (far < NEAR && (!found || far < found.far)) found = { far, x, y, text: `${scene.joints[v]}: ${share.toFixed(3)}` };
        }
      });
      if (found) label(pen, found, width);
    }

    function label(pen, found, width) {
      pen.font = "13px system-ui, sans-serif";
      const wide = pen.measureText(found.text).width + 10;
      const x = Math.max(2, Math.min(found.x + 8, width - wide - 2)), y = Math.max(2, found.y - 30);
      pen.fillStyle = colourOf("--ink");
      pen.fillRect(x, y, wide, 20);
      pen.fillStyle = colourOf("--paper");
      pen.fillText(found.text, x + 5, y + 14.5);
    }

    function show() {
      [0, 1].forEach(draw);
      const at = step();
      whens.forEach((output, side) => { output.value = scene.panels[side].when[scene.path[at][side]]; });
      told.value = `step ${at + 1} of ${last + 1}: ${scene.steps[at].toFixed(3)} of the distance ${scene.distance.toFixed(3)}`;
      range.value = String(at);
      range.setAttribute("aria-valuetext", told.value);
      now.setAttribute("cx", points[at][0]);
      now.setAttribute("cy", points[at][1]);
    }

    function tick(time) {
      if (!state.playing) return;
      state.at += ((time - state.before) / 1000) * RATE * Number(speed.value);
      if (state.at > last + 0.999) state.at = 0;
      state.at = Math.max(0, state.at);
      state.before = time;
      show();
      requestAnimationFrame(tick);
    }

    function run(playing) {
      state.playing = playing;
      play.textContent = playing ? "❚❚ pause" : "▶ play";
      state.before = performance.now();
      if (playing) requestAnimationFrame(tick);
      else show();
    }

    function move(by) {
      state.at = (step() + by + last + 1) % (last + 1);
      run(false);
    }

    function turn(yaw, pitch) {
      if (!scene.turns) return;
      state.yaw += yaw;
      state.pitch = Math.max(-1.5, Math.min(1.5, state.pitch + pitch));
      show();
    }

    const keys = { ArrowLeft: () => turn(-0.1, 0), ArrowRight: () => turn(0.1, 0), ArrowUp: () => turn(0, 0.1), ArrowDown: () => turn(0, -0.1), " ": () => run(!state.playing) };
    canvases.forEach((canvas, side) => {
      canvas.classList.toggle("turns", scene.turns);
      canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); state.drag = [event.clientX, event.clientY]; });
      canvas.addEventListener("pointerup", () => { state.drag = null; });
      canvas.addEventListener("pointermove", (event) => {
        state.pointer = { side, x: event.offsetX, y: event.offsetY };
        if (!state.drag) { show(); return; }
        const [x, y] = state.drag;
        state.drag = [event.clientX, event.clientY];
        turn((event.clientX - x) / 120, (event.clientY - y) / 120);
      });
      canvas.addEventListener("pointerleave", () => { state.pointer = null; show(); });
      canvas.addEventListener("keydown", (event) => { if (keys[event.key]) { event.preventDefault(); keys[event.key](); } });
    });
    range.addEventListener("input", () => { state.at = Number(range.value); run(false); });
    play.addEventListener("click", () => run(!state.playing));
    find(".back").addEventListener("click", () => move(-1));
    find(".on").addEventListener("click", () => move(1));
    of.addEventListener("change", show);
    new ResizeObserver(show).observe(box);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
    show();
  }

  document.querySelectorAll(".player").forEach(start);
})();
