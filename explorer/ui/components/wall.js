// One wall in one Streamlit element. wall.py puts GIVEN, pixels.js and tiles.js in front of this text.

const walls = new WeakMap(); // Streamlit's element → its Wall

export default function (component) {
  const element = component.parentElement;
  if (!walls.has(element)) walls.set(element, new Wall(element));
  const wall = walls.get(element);
  wall.update(component);
  return () => {
    walls.delete(element);
    wall.destroy();
  };
}
